"""Pages in a browser on this machine: ask the model and look inside it; make data of your own photos."""
import minimolmo.command  # noqa: F401  first: Ctrl-C while torch is imported ends in words
