"""python -m scratchdiff. (Another program calls main() of app/cli.py instead.)"""
import sys

if __name__ == "__main__" and not __package__:      # python scratchdiff finds no package to import
    print("scratchdiff: error: run python -m scratchdiff, in the folder that holds scratchdiff/",
          file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    try:
        from scratchdiff.app.signals import end_at_once
        end_at_once()                   # before anything else is loaded
    except KeyboardInterrupt:           # in these first milliseconds
        print("scratchdiff: interrupted", file=sys.stderr)
        sys.exit(130)
    from scratchdiff.app.cli import program
    sys.exit(program())
