"""All tests run on the CPU, so that results are equal bit for bit; only `pytest -m gpu` uses the GPU."""
import gc
import os


def pytest_configure(config):
    """Hide the GPU before torch is imported, unless the GPU tests are selected."""
    if config.getoption("-m") != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_finish():
    """Python's garbage collector need not look through 5,000 tests again and again: a sixth less time."""
    gc.collect()
    gc.freeze()
