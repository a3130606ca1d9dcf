"""The logger that this library needs: the four methods that `logging.Logger` and most others have."""

from __future__ import annotations

from typing import Protocol


class Log(Protocol):
    """Any object with these methods, for example a `logging.Logger`."""

    def debug(self, message: str, /, *args: object) -> object:
        """For developers of the application: what goes on inside."""

    def info(self, message: str, /, *args: object) -> object:
        """Something worth knowing, not a fault."""

    def warning(self, message: str, /, *args: object) -> object:
        """Something to look into; work goes on."""

    def error(self, message: str, /, *args: object) -> object:
        """Something failed."""
