"""Export FD-GAN's repair network for one target: TorchScript, ONNX, Nuke's Inference node."""
