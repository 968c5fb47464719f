"""Where the tests run: on the CPU everywhere, but for `pytest -m gpu`, so that bits can be compared."""
import os


def pytest_configure(config):
    """Hides the GPU before torch looks for one, unless its own tests are asked for."""
    if config.getoption("-m") != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
