"""Every animal of the zoo gives the samples, the warning or the error that stands on its cage."""

import io
import warnings

import numpy as np
import pytest

from speech2text.audio.files import read_audio
from speech2text.errors import AudioError, DamageWarning
from tests.zoo import Animal, build_zoo


@pytest.fixture(scope="module")
def animals(tmp_path_factory) -> list[Animal]:
    return build_zoo(tmp_path_factory.mktemp("zoo"))


def read(source) -> tuple[np.ndarray | None, str, str]:
    """Samples, error and warning of a source."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            samples, error = read_audio(source), ""
        except AudioError as raised:
            samples, error = None, str(raised)
    assert all(warning.category is DamageWarning for warning in caught)
    assert len(caught) <= 1
    return samples, error, str(caught[0].message) if caught else ""


def test_every_file_gives_what_is_expected(animals):
    for animal in animals:
        samples, error, warning = read(animal.path)
        assert animal.error in error, f"{animal}: {error}"
        assert bool(animal.error) == bool(error), f"{animal}: {error}"
        assert animal.warning in warning, f"{animal}: {warning!r}"
        assert bool(animal.warning) == bool(warning), f"{animal}: {warning}"
        if samples is not None:
            assert samples.dtype == np.float32 and samples.ndim == 1, animal
            assert animal.samples in (None, len(samples)), f"{animal}: {len(samples)} samples"
            assert animal.samples is not None or len(samples), animal


def test_every_message_is_one_line_that_names_the_file_and_a_remedy(animals):
    for animal in animals:
        for message in read(animal.path)[1:]:
            if message:
                assert message.startswith(f"{animal.path}: "), message
                assert "\n" not in message
                assert "; " in message, f"no remedy: {message}"


def test_a_stream_gives_the_same_samples_as_its_file(animals):
    for animal in animals:
        if animal.path.is_file():
            from_file, _, warning = read(animal.path)
            from_stream, _, stream_warning = read(io.BytesIO(animal.path.read_bytes()))
            assert bool(warning) == bool(stream_warning), animal
            assert (from_file is None) == (from_stream is None), animal
            assert from_file is None or np.array_equal(from_file, from_stream), animal


def test_what_was_read_of_a_cut_file_is_its_start(animals):
    by_name = {animal.path.name: animal for animal in animals}
    for suffix in ("wav", "flac", "aiff"):
        start, _, _ = read(by_name[f"cut.{suffix}"].path)
        whole, _, _ = read(by_name[{"wav": "piped.wav"}.get(suffix, f"good.{suffix}")].path)
        assert len(start) > len(whole) / 4
        np.testing.assert_array_equal(start, whole[: len(start)])
