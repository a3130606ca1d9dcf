"""`python -m interval_scheduler.cli` is `interval-scheduler`."""

from . import main

if __name__ == "__main__":
    main()
