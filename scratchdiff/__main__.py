import gc
import os
import signal
import sys

# Until everything is loaded, Ctrl-C ends the program at once: nothing is there yet that could be lost, and an import
# that is interrupted does not always say so.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# Nor is anything garbage yet: a collector that looks all the same takes a tenth of the time to load (cli.py turns it
# on again).
gc.disable()

# Matrices as small as ours are multiplied faster by one thread than by several that have to wait for each other;
# sampling has threads of its own. NumPy's linear algebra reads this once, when numpy is imported. Your own setting
# wins.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from scratchdiff.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
