"""Words to ids and back, points to text and back. Plain Python, no torch."""
