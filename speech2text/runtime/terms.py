"""What a search may rank readings by beside the two heads: language model, coverage; opened where used."""

from __future__ import annotations

from speech2text.bundle.manifest import LANGUAGE_MODEL_NAME, Decoding
from speech2text.bundle.store import Bundle
from speech2text.decoding.protocols import Term
from speech2text.errors import BundleError


def open_terms(bundle: Bundle, decoding: Decoding, threads: int) -> tuple[Term, ...]:
    """The terms of beam_search that the settings of a search ask for.

    Raises:
        BundleError: lm_weight is above 0 and the bundle has no language model, or one that cannot be used.
    """
    terms: list[Term] = []
    if decoding.lm_weight > 0:
        terms.append(_open_language_model(bundle, decoding.lm_weight, threads))
    if decoding.coverage_weight > 0:
        from speech2text.decoding.coverage import Coverage

        terms.append(Coverage(decoding.coverage_weight))
    return tuple(terms)


def _open_language_model(bundle: Bundle, weight: float, threads: int) -> Term:
    from speech2text.decoding.fusion import ShallowFusion
    from speech2text.runtime.language_model import OnnxLanguageModel

    manifest = bundle.manifest
    if manifest.language_model is None:
        raise BundleError(
            f"{bundle.folder}: has no language model to give a weight of {weight:g}; "
            "put one into it with `speech2text train-lm`"
        )
    graph = bundle.files[LANGUAGE_MODEL_NAME]
    try:
        model = OnnxLanguageModel(graph, manifest.language_model, manifest.model.vocabulary, threads)
    except BundleError as error:
        raise BundleError(f"{bundle.folder}: {error}") from None
    return ShallowFusion.of(model, weight)
