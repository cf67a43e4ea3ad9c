"""Runs a bundle with NumPy and ONNX Runtime."""
