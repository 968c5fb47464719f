"""Batches become logits. Only tensors: knows no files and no words."""
