"""Words to ids and back, ours and the official ones; points to text and back; facts to questions and answers.

Plain Python, no torch.
"""
