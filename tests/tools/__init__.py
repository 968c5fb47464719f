"""Scripts that measure or report, run by hand from the repository's root, and the fakes that tests use.

Each is run as a script: python tests/tools/bench.py. Tests import them as `from tools import bench`.
"""
