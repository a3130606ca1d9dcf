"""The logger that this library needs: the four methods that `logging.Logger` and most others have."""

from __future__ import annotations

from typing import Protocol


class Log(Protocol):
    """Any object with these methods, for example a `logging.Logger`."""

    def debug(self, message: str, /, *args: object) -> object:
        """Log an inner event, for developers of the application."""

    def info(self, message: str, /, *args: object) -> object:
        """Log an event that is worth knowing and is no fault."""

    def warning(self, message: str, /, *args: object) -> object:
        """Log a fault that somebody should look into, while work goes on."""

    def error(self, message: str, /, *args: object) -> object:
        """Log a failure."""
