"""FD-GAN of one target for other programs: TorchScript, ONNX, Nuke's Inference node."""
