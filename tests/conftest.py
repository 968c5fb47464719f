"""All tests run on the CPU, so that results are equal bit for bit; only `pytest -m gpu` uses the GPU."""
import gc
import os


def pytest_configure(config):
    """Hide the GPU before torch is imported, unless the GPU tests are selected."""
    if config.getoption("-m") != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_finish():
    """The garbage collector need not look through 5,000 tests and all modules again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown(item, nextitem):
    """Nor through what the test files before have left."""
    if nextitem is None or nextitem.path != item.path:
        pytest_collection_finish()
