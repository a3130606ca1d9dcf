"""Turns results into the plain values of JSON."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


def plain(value: Any) -> Any:
    """Return a value as JSON has it: data classes as objects, times in UTC by ISO 8601, durations in seconds.

    Bytes that are UTF-8 become text; others `{"base64": text}`. A number that is not finite becomes `None`.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value) if not each.name.startswith("_")}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return _scalar(value)


def json_line(value: Any, *, is_ascii: bool = False) -> str:
    """Return a value as one line of JSON, without the end of the line; with escapes for what is not ASCII, if told."""
    return json.dumps(plain(value), ensure_ascii=is_ascii, separators=(",", ":"), allow_nan=False)


def _scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _text_of(value) if isinstance(value, bytes) else value


def _text_of(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
