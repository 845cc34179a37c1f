"""Build time only: turns published weights into the checked ONNX file that the wheel carries."""
