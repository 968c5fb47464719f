"""Build Molmo yourself. One folder a lesson: `make lesson N=05` runs its page, `make check N=05` yours."""
