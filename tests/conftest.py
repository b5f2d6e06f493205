"""Settings for all tests: one BLAS thread, and the tests of the whole program last."""
import gc
import os
from functools import cache

import pytest

# Before numpy is imported, as scratchdiff/__init__.py does: two threads on one small matrix wait
# for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

gc.disable()                            # until all tests are collected: none of them is garbage


def pytest_collection_modifyitems(items):
    """The whole program comes last: with -x, the first to fail is then the test of one part."""
    items.sort(key=lambda item: item.path.stem in ("test_cli", "test_readme"))


def pytest_collection_finish():
    """What was collected stays to the end, so the garbage collector need not look at it again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def measured():
    """measured(measure): what a link of the chain of trust says, measured once in all tests."""
    return cache(lambda measure: measure())


@pytest.fixture(scope="module")
def short_runs():
    """In this module, runs make few points, and their reports are short."""
    from tests.program import shorten_runs
    with pytest.MonkeyPatch.context() as patch:
        shorten_runs(patch)
        yield
