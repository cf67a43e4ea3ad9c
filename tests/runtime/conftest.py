"""The tiny bundle, opened once."""

import pytest

import speech2text
from tests.tiny_bundle import write_tiny_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def recognizer(bundle):
    return speech2text.load_model(bundle.folder)
