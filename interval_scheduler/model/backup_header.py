"""Reads the header of a backup. Pure functions; `backup.py` has the format."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..errors import InvalidLine, InvalidType, InvalidValue
from .backup import FORMAT, VERSION
from .backup_checks import bad, only, parse, whole_number, wrong
from .quotas import MOST_GROUPS, Quotas, Rate, to_caps
from .rules import check_group
from .steering import check_reason

_MOST: Final = 10**15 - 1


class Header(NamedTuple):
    """The first line: whether the namespace was paused, and its quotas; `None` for what it does not tell."""

    paused: bool | None
    quotas: Quotas | None
    #: The reason of the pause; empty for none.
    paused_for: str = ""


def read_header(line: object) -> Header:
    """Read the first line.

    Raises:
        InvalidLine: it is no header of a backup that can be read here.
    """
    found = parse(1, line)
    try:
        if found.get("format") != FORMAT:
            bad("format", f"must be {FORMAT!r}: this is no backup, or its first line is missing")
        if whole_number("version", found.get("version"), 0, _MOST) != VERSION:
            bad("version", f"must be {VERSION}, got {found['version']}: it was written by another version")
        only(found, {"format", "version", "namespace", "at_ms", "prefix", "paused", "paused_for", "quotas"}, "")
        paused, quotas = found.get("paused"), found.get("quotas")
        if paused is not None and not isinstance(paused, bool):
            wrong("paused", "true, false or null", paused)
        try:
            reason = check_reason(found.get("paused_for"))
        except (InvalidValue, InvalidType) as error:
            raise InvalidValue("paused_for", error.problem) from None
        return Header(paused, None if quotas is None else _quotas(quotas), reason)
    except (InvalidValue, InvalidType) as error:
        raise InvalidLine(1, error.field, error.problem) from None


def _quotas(found: object) -> Quotas:
    if not isinstance(found, dict):
        wrong("quotas", "an object or null", found)
    only(found, {"rate", "rates", "concurrency"}, "quotas.")
    rate, rates, caps = found.get("rate"), found.get("rates", {}), found.get("concurrency")
    if not isinstance(rates, dict) or len(rates) > MOST_GROUPS:
        wrong("quotas.rates", f"an object with at most {MOST_GROUPS} groups", rates)
    if caps is not None and not isinstance(caps, dict):
        wrong("quotas.concurrency", "an object or null", caps)
    if isinstance(caps, dict) and "*" in caps:  # the name of no group
        others = whole_number("quotas.concurrency", caps["*"], 0, _MOST)
        caps = {group: cap for group, cap in caps.items() if group != "*" or others}
    return Quotas(
        rate=None if rate is None else _rate("quotas.rate", rate),
        rates={check_group("quotas.rates", group): _rate("quotas.rates", each) for group, each in rates.items()},
        caps={} if caps is None else to_caps("quotas.concurrency", caps),
    )


def _rate(field: str, found: object) -> Rate:
    if not isinstance(found, dict):
        wrong(field, "an object", found)
    only(found, {"count", "per_ms", "burst"}, f"{field}.")
    per_ms = whole_number(f"{field}.per_ms", found.get("per_ms"), 1, _MOST)
    try:
        return Rate(found.get("count"), per_ms / 1000, burst=found.get("burst"))  # type: ignore[arg-type]  # it checks
    except (InvalidValue, InvalidType) as error:
        raise InvalidValue(f"{field}.{error.field}", error.problem) from None
