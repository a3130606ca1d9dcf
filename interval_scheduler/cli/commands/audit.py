"""`audit`: the faults in the key space, and their repair."""

from __future__ import annotations

import sys

import click

from ... import AuditReport
from ..connecting import connected, run_async
from ..exits import NO, Ended, refuse
from ..output import Output
from ..progress import Progress
from ..settings import Settings, common


@click.command("audit")
@click.option("--repair", is_flag=True, help="Mend what is safe to mend.")
@click.option("--yes", is_flag=True, help="Mend without asking.")
@common
def audit(settings: Settings, *, repair: bool, yes: bool) -> None:
    """Check all that the namespace and its queues have in Redis; exit code 1 if problems are left.

    It goes in short steps, and may be run beside working schedulers. With --repair, no task falls out of the
    schedule, but one may run once more than it should.
    """
    if repair and not yes:
        _confirm()
    report = run_async(_audit(settings, repair=repair))
    out = Output(settings)
    rows = ((each.partition, each.queue, each.id, each.kind, each.detail, each.mended) for each in report.problems)
    if report.problems:
        out.rows(("partition", "queue", "id", "problem", "detail", "mended"), rows, report.problems)
    out.say(_summary(report))
    if not report.ok:
        raise Ended(NO)


def _confirm() -> None:
    if not sys.stdin.isatty():
        refuse("A repair changes Redis: confirm it with --yes.")
    if not click.confirm("Mend what is safe to mend? A task may run once more than it should", err=True):
        refuse("Nothing was changed.")


async def _audit(settings: Settings, *, repair: bool) -> AuditReport:
    async with connected(settings) as scheduler:
        with Progress("tasks checked", quiet=settings.quiet) as progress:
            return await scheduler.audit(repair=repair, progress=progress.to)


def _summary(report: AuditReport) -> str:
    checked, problems = f"Tasks checked: {report.checked:,}", sum(report.counts.values())
    if not problems:
        return f"{checked}. There are no problems."
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.counts.items()))
    left = problems - sum(each.mended for each in report.problems)
    said = f"{checked}. {problems:,} problem{'s' if problems > 1 else ''} ({kinds}), {left:,} left."
    return f"{said} The first {len(report.problems):,} are listed." if len(report.problems) < problems else said
