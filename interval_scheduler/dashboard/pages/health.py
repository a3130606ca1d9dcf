"""The health of the partitions, what to do about it, and the last audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from ... import AuditReport, Health
from ...cli.doctor.diagnosis import Diagnosis
from ...cli.doctor.servers import judge_servers
from ..auditing import Audits
from ..look import Look
from ..page import Page, View
from ..reading import HealthOfServers

#: The most faults of an audit that are shown one by one.
_FAULTS: Final = 100


async def _read(look: Look) -> View:
    examined = await look.kept.the(HealthOfServers).of(look)
    health = examined.health
    audits = look.kept.the(Audits)
    audit = audits.last_of(look.queue)
    return {
        "examined": examined.at,
        "ok": health.ok,
        "connected": health.connected,
        "findings": sorted(_findings(health), key=lambda each: each.severity != "problem"),
        "partitions": health.partitions,
        "audit": audit and replace(audit, report=None),
        "audit_runs": audits.is_running,
        "audit_is_elsewhere": audits.is_running and audit is None,
        "audit_found": audit and audit.report and _found(audit.report),
    }


def _findings(health: Health) -> Iterable[Diagnosis]:
    """Yield what is to be said of the servers, and of the scheduler itself and of its queues."""
    yield from judge_servers(health)
    for queue, each in ((None, health), *health.queues.items()):
        for finding in each.findings:
            advice = "Look at the page Schedulers for what runs, and at the log of the worker."
            fact = finding.message[:1].upper() + finding.message[1:].removesuffix(".") + "."
            is_error = finding.severity == "error"
            yield Diagnosis(finding.code, "problem" if is_error else "warning", fact, advice, None, queue)
    if health.stopped is not None:
        fact = f"The scheduler of this dashboard has stopped: {health.stopped}."
        yield Diagnosis("stopped", "problem", fact, "Restart the process of the dashboard, and look at its log.")


def _found(report: AuditReport) -> Mapping[str, Any]:
    """Return what an audit found, with the first of its faults only."""
    faults = report.problems[:_FAULTS]
    return {
        "ok": report.ok,
        "counts": report.counts,
        "problems": faults,
        "left_out": len(report.problems) - len(faults),
    }


PAGE = Page("health", "Health", _read)
