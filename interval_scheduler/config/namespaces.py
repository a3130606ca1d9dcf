"""The rules for the name of a namespace. Pure."""

from __future__ import annotations

from typing import Final

from ..errors import ConfigurationError, ConfigurationTypeError

FORBIDDEN_IN_NAMESPACE: Final = frozenset("{}*?[]\\\0 \t\r\n")
LONGEST_NAMESPACE: Final = 128


def check_namespace(value: object) -> None:
    """Check the name of a namespace.

    Raises:
        ConfigurationError: it cannot be used.
    """
    if not isinstance(value, str):
        raise ConfigurationTypeError("namespace", f"must be a str, not {type(value).__name__}")
    if not value or len(value) > LONGEST_NAMESPACE:
        raise ConfigurationError("namespace", f"must have 1 to {LONGEST_NAMESPACE} characters, got {len(value)}")
    bad = sorted(FORBIDDEN_IN_NAMESPACE.intersection(value))
    if bad:
        raise ConfigurationError("namespace", f"must not contain {' '.join(map(repr, bad))}")
    if not value.isascii():
        raise ConfigurationError("namespace", "must be ASCII")
