"""Torch to ONNX: build the graphs of a bundle from a model's weights, prove them equal, quantise and write them."""

import speech2text  # noqa: F401 - before ONNX Runtime, which reports to its maker unless told not to
