"""`import`: restores a backup, or carries the live schedules of another scheduler over."""

from __future__ import annotations

from typing import Any, Final

import click

from ..frame.settings import Settings, common

#: As in `moving.source.PEERS`, which needs a client of Redis; and one that has a file.
PEERS: Final = ("redbeat", "apscheduler", "rq-scheduler", "celery-beat-json", "npm")


@click.command("import")
@click.argument("source", nargs=-1, required=True)
@click.option("--from", "peer", type=click.Choice(PEERS), help="Read the live schedules of another scheduler.")
@click.option(
    "--on-conflict",
    type=click.Choice(["skip", "replace"]),
    default="skip",
    show_default=True,
    help="What is done about tasks that exist.",
)
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, and change nothing.")
@click.option("--resume", is_flag=True, help="Go on where an import of this FILE ended.")
@click.option(
    "--key-prefix", metavar="PREFIX", help="With --from: how the keys there begin. Default: as they usually do."
)
@click.option(
    "--timezone",
    metavar="ZONE",
    default="UTC",
    show_default=True,
    help="With --from: the time zone of cron expressions that have none.",
)
@common
def import_(settings: Settings, *, source: tuple[str, ...], peer: str | None, resume: bool, **options: Any) -> None:
    """Restore the backup SOURCE (- is the standard input), which may be packed by gzip.

    With --from, SOURCE is where another scheduler has its schedules: the URL of its Redis, or a file of JSON. A URL
    with a password is better read from a file: @FILE. Exit code 1 if some of them cannot be carried over.
    """
    key_prefix, timezone = options.pop("key_prefix"), options.pop("timezone")
    if peer is None:
        if len(source) > 1:
            raise click.UsageError("Give one backup.")
        if key_prefix is not None or timezone != "UTC":
            raise click.UsageError("--key-prefix and --timezone are for schedules of others: say --from.")
        if resume and (source[0] == "-" or options["dry_run"]):
            raise click.UsageError("--resume needs a FILE, and changes something.")
        from ..backup.restoring import restore_file  # noqa: PLC0415 - only one of both is needed

        restore_file(settings, source[0], resume=resume, **options)
        return
    if resume:
        raise click.UsageError("--resume is for a backup; to import schedules again is the same as to go on.")
    if len(source) > 1 and peer != "npm":
        raise click.UsageError("Several servers are for --from npm.")
    from ..moving.command import import_from  # noqa: PLC0415 - as above

    import_from(settings, peer, source, key_prefix=key_prefix, timezone=timezone, **options)
