"""Networks for the BioImage Model Zoo and as ONNX, and networks from there."""
