"""Starts and stops audits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..auditing import Audits
from ..look import Look
from ..page import Action, Done
from ..reading import HealthOfServers


async def _audit(look: Look, _: Mapping[str, str]) -> Done:
    return _start(look, repair=False)


async def _repair(look: Look, _: Mapping[str, str]) -> Done:
    return _start(look, repair=True)


async def _stop(look: Look, _: Mapping[str, str]) -> Done:
    if await look.kept.the(Audits).stop(look.queue):
        return Done("The audit is stopped.")
    return Done(f"No audit of this {look.place} runs.", is_good=False)


def _start(look: Look, *, repair: bool) -> Done:
    audits = look.kept.the(Audits)
    if audits.start(look.scheduler, look.queue, repair=repair, at_end=look.kept.the(HealthOfServers).forget):
        return Done("An audit has begun. Its result will be on this page.")
    if audits.last_of(look.queue) is None:  # who steers this queue cannot stop it
        return Done("An audit of something else runs. Wait for its end.", is_good=False)
    return Done("An audit runs already. Wait for its end, or stop it.", is_good=False)


ACTIONS: Final = (
    Action("audit", "operate", _audit),
    Action("repair", "admin", _repair),
    Action("stop-audit", "operate", _stop),
)
