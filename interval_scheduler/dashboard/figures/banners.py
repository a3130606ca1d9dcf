"""Banners: what readers should know before anything else, the worst first. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from ... import Health, Overview, PausedState, SchedulerCard
from ...cli.output.words import pause_of
from ..words import many
from .demand import executing

#: Findings that are about a server and its data. Others are about the rights and the runs of the process that examines,
#: which is a reader here; the page of the health has them all.
_TOLD: Final = frozenset({"data-lost", "disk", "eviction", "keys", "loading", "memory", "replicas", "version"})


def banners_of(
    overview: Overview,
    cards: Sequence[SchedulerCard] | None,
    health: Health | None,
    problems: Iterable[str],
    place: str,
) -> list[dict[str, Any]]:
    """Return the banners of a namespace or queue: each with its `kind` of tone, its `code` and its `words`.

    Args:
        overview: the state.
        cards: the schedulers; `None` if they could not be read.
        health: the health of the servers; `None` if it is not known.
        problems: the words of what could not be read.
        place: `namespace` or `queue`.
    """
    found = [_banner("bad", "offline", _offline(each.name)) for each in overview.partitions if not each.online]
    found += [_banner("bad", "problem", words) for words in problems] if overview.online else []
    if overview.due and cards is not None and not executing(cards):
        words = f"{many(overview.due, 'task is', 'tasks are')} due, and no scheduler tells that it executes any."
        found.append(_banner("bad", "nobody", words))
    found += _findings(health)
    if overview.pause is not None:
        found.append(_banner("warn", "paused", paused_words(overview.pause, place)))
    for move in overview.moving:
        words = (
            f"Tasks move away from {move.partition}: {move.moved:,} have moved, and about {move.left:,} are still to "
            "be looked at."
        )
        found.append(_banner("warn", "moving", words))
    if overview.hints:
        found.append(_banner("warn", "hints", f"{many(overview.hints, 'change waits', 'changes wait')} on the master."))
    return found


def paused_words(pause: PausedState, place: str) -> str:
    """Return the sentence that a `namespace` or `queue` is paused, since when, by whom and why."""
    known = pause_of(pause, _moment)
    return f"The {place} is paused{'' if known == 'yes' else f' {known}'}: no run starts."


def _findings(health: Health | None) -> list[dict[str, Any]]:
    """Return what the health tells of lost data, and of what keeps a server from work."""
    found: dict[str, dict[str, Any]] = {}
    for whole in () if health is None else (health, *health.queues.values()):
        for partition in whole.partitions:
            for finding in partition.findings:
                if finding.code == "data-lost" or (finding.severity == "error" and finding.code in _TOLD):
                    words = finding.message[0].upper() + finding.message[1:] + "."
                    banner = _banner("bad", finding.code, words)
                    found.setdefault(words, {**banner, "partition": partition.name})
    return list(found.values())


def _banner(kind: str, code: str, words: str) -> dict[str, Any]:
    return {"kind": kind, "code": code, "words": words}


def _offline(name: str) -> str:
    return f"Partition {name} is offline: nothing of it is in the figures below."


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
