"""Data to train on: mini-PixMo, which is drawn, and the real PixMo. One folder a dataset."""
import minimolmo.command  # noqa: F401  first: Ctrl-C during the slow imports ends in words
