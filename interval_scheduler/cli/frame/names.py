"""The name of the command, and the variable of the environment by which a shell asks how a word can go on."""

from typing import Final

NAME: Final = "interval-scheduler"
COMPLETION: Final = "_INTERVAL_SCHEDULER_COMPLETE"
