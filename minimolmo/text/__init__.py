"""Text: token ids and back (our tokenizer and the official ones), points in text, and prompts from facts.

Plain Python, no torch.
"""
