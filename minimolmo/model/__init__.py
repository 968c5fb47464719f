"""The model: patches and token ids in, logits out. It takes tensors only, no files and no text."""
