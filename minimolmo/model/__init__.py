"""The model: patches and token ids in, logits out. It knows tensors only, no files and no text."""
