"""The command line, with less patience: for processes that die, and for those that do not answer."""

from interval_scheduler.cli import main
from interval_scheduler.cli.process import restarts, spawned

if __name__ == "__main__":
    restarts._LONGEST_PAUSE_SECONDS = 0.05  # type: ignore[misc]
    spawned._ANSWER_SECONDS = 0.5  # type: ignore[misc]
    main()
