"""Reads the form of a request."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from .page import BadQuery

#: The largest form, in bytes, and the most fields in one.
LONGEST: Final = 1 << 20
_MOST_FIELDS: Final = 20_000
_TYPE: Final = "application/x-www-form-urlencoded"


class TooLarge(Exception):
    """A form is larger than `LONGEST`: the answer is 413."""


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; of several with one name the last.

    Raises:
        BadQuery: it is no form, or cannot be decoded.
        TooLarge: it is too large; what is left of it is not read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _TYPE:
        raise BadQuery(f"A form is sent as {_TYPE}.")
    body = await _body(request)
    try:
        # What is not ASCII is quoted in such a form; with `strict`, quoted bytes that are no UTF-8 are an error.
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
    except UnicodeDecodeError:
        raise BadQuery("The form cannot be read: it is not UTF-8.") from None
    except ValueError:
        raise BadQuery(f"The form has more than {_MOST_FIELDS:,} fields.") from None


async def _body(request: Request) -> bytes:
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > LONGEST:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST:
            raise TooLarge
    return bytes(body)
