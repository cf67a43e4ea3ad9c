"""Torch to ONNX: build the graphs of a bundle from a model's weights, prove them equal, quantise and write them."""
