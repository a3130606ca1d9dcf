"""`audit`: the faults in the key space, and their repair."""

from __future__ import annotations

import click

from ... import AuditReport
from ..changing.asking import confirm
from ..frame.connecting import connected, run_async
from ..frame.exits import NO, Ended
from ..frame.settings import Settings, common
from ..output.output import Output
from ..output.progress import Progress


@click.command("audit")
@click.option("--repair", is_flag=True, help="Mend what is safe to mend.")
@click.option("--yes", is_flag=True, help="Mend without asking.")
@common
def audit(settings: Settings, *, repair: bool, yes: bool) -> None:
    """Check all that the namespace and its queues have in Redis; exit code 1 if problems are left.

    It goes in short steps, and may be run beside working schedulers. With --repair, no task falls out of the
    schedule, but one may run once more than it should.
    """
    if repair:
        confirm("Mend what is safe to mend, after which a task may run once more than it should", yes=yes)
    report = run_async(_audit(settings, repair=repair))
    out = Output(settings)
    rows = ((each.partition, each.queue, each.id, each.kind, each.detail, each.mended) for each in report.problems)
    if report.problems:
        out.rows(("partition", "queue", "id", "problem", "detail", "mended"), rows, report.problems)
    out.say(_summary(report))
    if not report.ok:
        raise Ended(NO)


async def _audit(settings: Settings, *, repair: bool) -> AuditReport:
    with Progress(settings) as progress:
        async with connected(settings) as scheduler:
            return await scheduler.audit(repair=repair, progress=lambda *far: progress.tell(_far(*far)))


def _far(done: int, total: int) -> str:
    return f"{done:,} of {total:,} tasks checked" + (f" ({done / total:.0%})" if total else "")


def _summary(report: AuditReport) -> str:
    checked, problems = f"Tasks checked: {report.checked:,}", sum(report.counts.values())
    if not problems:
        return f"{checked}. There are no problems."
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.counts.items()))
    left = problems - sum(each.mended for each in report.problems)
    said = f"{checked}. {problems:,} problem{'s' if problems > 1 else ''} ({kinds}), {left:,} left."
    return f"{said} The first {len(report.problems):,} are listed." if len(report.problems) < problems else said
