"""Build Molmo yourself. One folder a lesson: `make lesson N=05` runs its page, `make check N=05` yours."""
import sys

if sys.argv[:1] == ["-m"]:  # not for pytest, whose tests must import your copy of minimolmo first
    import minimolmo.command  # noqa: F401  first: Ctrl-C during the slow imports ends in words
