"""Tells if a request that changes something comes from a page of the dashboard itself. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}


def is_own(headers: Mapping[str, str], scheme: str) -> bool:
    """Tell if the browser says that the request comes from the same origin.

    A browser says so by `Sec-Fetch-Site`, which nothing on the way can make wrong. One that does not, being old or
    asked without HTTPS, sends `Origin`: its host and port have to be those of `Host`. Its scheme has to be that of the
    request, or `https`: a proxy in front may have ended TLS.

    Args:
        headers: the headers of the request, whose names are found in any case.
        scheme: the scheme of the request as the server has it.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin", "")
    try:
        parts = urlsplit(origin)
        host = urlsplit(f"{parts.scheme}://{headers.get('host', '')}")
        own = (host.hostname, host.port or _PORTS.get(parts.scheme))
        its = (parts.hostname, parts.port or _PORTS.get(parts.scheme))
    except ValueError:  # a port that is none
        return False
    return parts.scheme in {scheme, "https"} and parts.scheme in _PORTS and its[0] is not None and its == own
