"""Reads the jobs of APScheduler 3 from its Redis job store. Pure functions.

The job store keeps a pickle of each job in one hash. `inert` reads it without unpickling, so that no code of the
application is needed here, and none can be run.
"""

from __future__ import annotations

from typing import Any, Final

from .apscheduler_cron import cron_of
from .found import CannotCarry, Carried, Found, LeftOut, payload, task_of
from .inert import CannotRead, Made, Name, read
from .python_types import moment_of, span_of, zone_name_of

_TRIGGERS: Final = "apscheduler.triggers."


def job_of(job_id: str, raw: bytes) -> Found:
    """Tell what becomes of a job.

    Args:
        job_id: its id.
        raw: the pickle of its state.
    """
    try:
        return _carried(job_id, read(raw))
    except CannotRead as problem:
        return LeftOut(job_id, f"its pickle cannot be read: {problem}")
    except CannotCarry as reason:
        return LeftOut(job_id, str(reason))


def _carried(job_id: str, state: Any) -> Carried:
    if not isinstance(state, dict):
        raise CannotCarry("it is no job of APScheduler 3")
    func, next_run = state.get("func"), moment_of(state.get("next_run_time"), "its next run")
    name, executor = state.get("name"), state.get("executor")
    options = {"executor": executor} if executor not in (None, "default") else {}
    if isinstance(name, str) and not (isinstance(func, str) and func.endswith(f":{name}")):
        options["name"] = name
    data = payload(func, state.get("args"), state.get("kwargs"), options)
    asked = _trigger(state.get("trigger"))
    recurs = "every" in asked or "cron" in asked
    if next_run is not None:
        asked["start"] = next_run
    if recurs and state.get("coalesce") is False:
        asked["missed"] = "all"
    if (grace := state.get("misfire_grace_time")) is not None:
        asked |= {"late": "skip", "start_deadline": grace}
    notes: tuple[str, ...] = ()
    most = state.get("max_instances")
    if isinstance(most, int) and most > 1:
        notes = (f"up to {most} of its runs may go on at once there; here a task does not run beside itself",)
    return Carried(task_of(job_id, data, **asked), paused=next_run is None, notes=notes)


def _trigger(trigger: object) -> dict[str, Any]:
    """Return the arguments of a task that say what a trigger says."""
    if not isinstance(trigger, Made) or not isinstance(trigger.by, Name) or not isinstance(trigger.state, dict):
        raise CannotCarry("its trigger cannot be read")
    state = trigger.state
    match trigger.kind.removeprefix(_TRIGGERS):
        case "date.DateTrigger":
            return {"start": moment_of(state.get("run_date"), "its time")}
        case "interval.IntervalTrigger":
            asked: dict[str, Any] = {"every": span_of(state.get("interval"), "its interval")}
        case "cron.CronTrigger":
            asked = {"cron": cron_of(state.get("fields")), "timezone": zone_name_of(state.get("timezone"))}
        case kind:
            raise CannotCarry(f"its trigger {kind} is no interval, no cron expression and no date")
    asked["until"] = moment_of(state.get("end_date"), "its end")
    asked["jitter"] = state.get("jitter") or None
    return asked
