"""How fast speech is made: the vocoder's ladder, rung by rung, against what PyTorch, ONNX Runtime and OpenVINO do."""
