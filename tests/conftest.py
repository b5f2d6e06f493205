"""Set before any test imports numpy, as scratchdiff/__main__.py does: two threads on one small matrix wait for each other."""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_collection_modifyitems(items):
    """What runs the whole program comes last: with -x, the test of the part that is broken is then the first to fail."""
    items.sort(key=lambda item: item.path.stem in ("test_cli", "test_readme"))
