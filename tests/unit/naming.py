"""What every error about bad input has in common."""

from __future__ import annotations

from typing import Any

import pytest

from interval_scheduler import InvalidType, InvalidValue

Bad = type[InvalidValue] | type[InvalidType]


def names(caught: pytest.ExceptionInfo[Any], field: str) -> bool:
    """Whether an error names the field, at the head of its message and as an attribute."""
    return bool(caught.value.field == field and str(caught.value).startswith(f"{field} "))
