"""Set before any test imports numpy, as scratchdiff/__main__.py does: two threads on one small matrix wait for each other."""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
