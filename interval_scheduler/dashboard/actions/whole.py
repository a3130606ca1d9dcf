"""Actions on a whole namespace or queue: pause, resume, and to take note of lost data."""

from __future__ import annotations

from collections.abc import Mapping

from ..look import Look
from ..page import Action, Done
from ..reading import HealthOfServers


async def _pause(look: Look, form: Mapping[str, str]) -> Done:
    await look.scheduler.pause(form.get("reason") or None)
    return Done(f"{_place(look)} is paused: no run starts until it is resumed. Runs in progress go on.")


async def _resume(look: Look, _: Mapping[str, str]) -> Done:
    await look.scheduler.resume()
    return Done(f"{_place(look)} is resumed.")


async def _acknowledge(look: Look, form: Mapping[str, str]) -> Done:
    name = form.get("partition") or None
    try:
        was_there = await look.scheduler.acknowledge_data_loss(name)
    finally:
        look.kept.the(HealthOfServers).forget()  # also where it is not known what came of it
    where = f"of partition {name}" if name else "of all partitions"
    if was_there:
        return Done(f"The loss of the data {where} is acknowledged.")
    return Done(f"No loss of the data {where} had to be acknowledged.")


def _place(look: Look) -> str:
    return "The namespace" if look.queue is None else f"The queue {look.queue}"


PAUSE = Action("pause-all", "operate", _pause)
RESUME = Action("resume-all", "operate", _resume)
ACKNOWLEDGE = Action("acknowledge", "admin", _acknowledge)
