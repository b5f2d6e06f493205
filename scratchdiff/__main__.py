import os
import sys

# Matrices as small as ours are multiplied faster by one thread than by several that have to wait for each other;
# sampling has threads of its own. NumPy's linear algebra reads this once, when numpy is imported. Your own setting
# wins.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from scratchdiff.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
