"""The tiny bundle, opened once."""

from dataclasses import replace

import pytest

import speech2text
from tests.tiny_bundle import write_tiny_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def recognizer(bundle):
    return speech2text.load_model(bundle.folder)


@pytest.fixture
def tuned(bundle):
    """Gives the bundle as if it had been tuned to other settings of the search."""

    def tune(**settings):
        decoding = replace(bundle.manifest.decoding, **settings)
        return replace(bundle, manifest=replace(bundle.manifest, decoding=decoding))

    return tune
