"""`docs/grafana.json` and `docs/alerts.yml` beside a workload that goes wrong in every way that they look for.

What the workload tells is scraped over HTTP. Every name and label of both files must be there; and what was scraped is
given to Prometheus's own evaluation (`promtool test rules`), in which every alert fires, and none of a workload that is
well.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
import yaml

from interval_scheduler import IntervalTask, Scheduler
from interval_scheduler.telemetry import instrument, names, stored
from tests.servers import RedisServer
from tests.stories.programs import ROOT
from tests.telemetry.collecting import DEADLINE_SECONDS, NAMES, Scrape, of_namespace, prometheus
from tests.waiting import until

PROMTOOL = shutil.which("promtool")
ALERTS: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "docs" / "grafana.json").read_text())
HOUR = 3600
#: The alert that fires when nothing is told.
SILENT = "IntervalSchedulerSilent"
#: How many minutes the workload is taken to go on as between two scrapes: longer than any alert waits.
_MINUTES = 40


class Scraped(NamedTuple):
    """Two scrapes of a workload that is well, and two of one in which all goes wrong."""

    well: tuple[Scrape, Scrape]
    ill: tuple[Scrape, Scrape]


def _expressions() -> list[str]:
    """All expressions of both files."""
    found = [rule["expr"] for rule in RULES]
    found += [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    found += [
        each["query"] for each in DASHBOARD["templating"]["list"] if str(each["query"]).startswith("label_values")
    ]
    return found


def _is_label(name: str) -> bool:
    """Tell if a name of ours is that of a label: it has one of the five attributes."""
    attributes = (names.SYSTEM, names.DESTINATION, names.PARTITION, names.OUTCOME, names.STATE)
    return name in {attribute.replace(".", "_") for attribute in attributes}


@pytest_asyncio.fixture
async def scraped(
    own_server: Callable[..., RedisServer], namespace: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scraped]:
    """Run both workloads at once, each in a namespace of its own; of each metric, take two scrapes."""
    monkeypatch.setattr(stored, "PERIOD", 0.2)
    monkeypatch.setattr(stored, "FRESH", DEADLINE_SECONDS)
    servers = [own_server(), own_server()]
    async with AsyncExitStack() as stack:
        well_metrics, well_scrape = stack.enter_context(prometheus())
        ill_metrics, ill_scrape = stack.enter_context(prometheus())

        def scheduler(name: str, *places: RedisServer, **options: Any) -> Scheduler:
            urls = [server.url for server in places]
            return Scheduler.from_url(
                *urls,
                namespace=f"{namespace}-{name}",
                connect_timeout_seconds=30,
                operation_timeout_seconds=20,
                **options,
            )

        well = scheduler("well", servers[0])
        ill = scheduler("ill", *servers, lease_seconds=1, drain_seconds=0)
        lonely = scheduler("lonely", servers[0])
        stack.enter_context(instrument(well, storage=True, meter_provider=well_metrics))
        stack.enter_context(instrument(ill, storage=True, meter_provider=ill_metrics))
        stack.enter_context(instrument(lonely, storage=True, meter_provider=ill_metrics))
        await stack.enter_async_context(well)
        await stack.enter_async_context(lonely)
        many = [IntervalTask(f"t{n}", every=0.1, start=time.time() - 200) for n in range(50)]
        await lonely.assign_tasks(many)
        await lonely.stop_task_accept()  # nobody works on them now
        await stack.enter_async_context(ill)
        await until(lambda: ill.counts().partitions, DEADLINE_SECONDS)
        before_ill = await asyncio.to_thread(ill_scrape)
        await well.start_task_execute(_works)
        before_well = await _when(well_scrape, _is_alive(well))
        await asyncio.gather(_be_well(well), _be_ill(ill, servers))
        after_well = await _when(well_scrape, _is_alive(well))
        after_ill = await _when(ill_scrape, lambda told: _has_dead(ill)(told) and _is_deserted(lonely)(told))
        yield Scraped((before_well, after_well), (before_ill, after_ill))


async def _works(_: str) -> None:
    await asyncio.sleep(0)  # a run that suspends


async def _when(scrape: Callable[[], Scrape], condition: Callable[[Scrape], bool]) -> Scrape:
    """Scrape until a condition holds."""
    found: list[Scrape] = []

    async def holds() -> bool:
        found.append(await asyncio.to_thread(scrape))
        return condition(found[-1])

    await until(holds, DEADLINE_SECONDS)
    return found[-1]


def _is_alive(scheduler: Scheduler) -> Callable[[Scrape], bool]:
    """Tell if a scheduler has reported that it is there, which it does within seconds."""
    where = of_namespace(scheduler.counts().namespace)
    return lambda told: told.total("interval_scheduler_schedulers", **where) > 0


def _is_deserted(scheduler: Scheduler) -> Callable[[Scrape], bool]:
    where = of_namespace(scheduler.counts().namespace)
    return lambda told: told.values("interval_scheduler_schedulers", **where) == [0]


def _has_dead(scheduler: Scheduler) -> Callable[[Scrape], bool]:
    """Tell if its dead tasks were read: the lock of the reading may have been lost for a while with the leases."""
    where = of_namespace(scheduler.counts().namespace) | {names.STATE.replace(".", "_"): "dead"}
    return lambda told: told.total("interval_scheduler_tasks", **where) > 0


async def _be_well(scheduler: Scheduler) -> None:
    await scheduler.assign_tasks([IntervalTask(f"t{n}", every=HOUR) for n in range(20)])
    await until(lambda: scheduler.counts().partitions[0].runs == 20, DEADLINE_SECONDS)
    await scheduler.stop_task_execute()  # which tells the histograms
    await scheduler.start_task_execute(_works)


async def _be_ill(scheduler: Scheduler, servers: Sequence[RedisServer]) -> None:
    """Let runs fail, be late, lose their leases and block; let clocks jump, places be full, and a partition be lost."""
    over, holding = asyncio.Event(), asyncio.Event()

    async def work(data: str) -> None:
        if data == "bad":
            raise RuntimeError("it does not work")
        if data == "block":
            time.sleep(1)  # noqa: ASYNC251 - it blocks the event loop for a lease, which is to be noticed
        if data == "hold":
            holding.set()
            await over.wait()

    late = time.time() - 200
    # So many that some are at home on the server that goes on: nothing is told of what the other one has.
    await scheduler.assign_tasks([IntervalTask(f"bad{n}", "bad", start=late) for n in range(20)])
    await scheduler.assign_tasks([IntervalTask("lost", "hold"), IntervalTask("block", "block")])
    await scheduler.start_task_execute(work, concurrency=2)
    await until(lambda: _sum(scheduler, "dead") == 20, DEADLINE_SECONDS)
    await until(lambda: scheduler.counts().loop_blocked and holding.is_set(), DEADLINE_SECONDS)
    for server in servers:  # it answers no renewal
        server.freeze()
    await until(lambda: _sum(scheduler, "lost_leases"), DEADLINE_SECONDS)
    for server in servers:
        server.thaw()
    over.set()
    _jump(scheduler)
    await scheduler.assign_task(IntervalTask("new"))
    await until(lambda: _sum(scheduler, "clock_jumps"), DEADLINE_SECONDS)
    await scheduler.stop_task_execute()  # which tells the histograms
    over.clear()
    await scheduler.assign_tasks([IntervalTask(f"hold{n}", "hold") for n in range(20)])
    await scheduler.start_task_execute(work, concurrency=2)
    await until(lambda: scheduler.counts().places_used == 2, DEADLINE_SECONDS)
    servers[1].kill()
    await until(lambda: not all(each.online for each in scheduler.counts().partitions), DEADLINE_SECONDS)


def _sum(scheduler: Scheduler, name: str) -> int:
    return sum(getattr(each, name) for each in scheduler.counts().partitions)


def _jump(scheduler: Scheduler) -> None:
    """Have the clocks of the servers appear to have jumped since the last claim."""
    execution = scheduler._executing._execution
    assert execution is not None
    for poller in execution._firsts:
        clock = poller._load.clock
        assert clock._least is not None
        clock._least -= 100
        clock._most -= 100


@pytest.mark.asyncio
async def test_both_files_fit_what_is_scraped_and_every_alert_fires(scraped: Scraped, tmp_path: Path) -> None:
    scrapes = [*scraped.well, *scraped.ill]
    known = {sample.name for scrape in scrapes for sample in scrape}
    labels = {label for scrape in scrapes for sample in scrape for label in sample.labels}
    values = {value for scrape in scrapes for sample in scrape for value in sample.labels.values()}
    for expression in _expressions():
        used = NAMES.findall(expression)
        assert used, expression
        for name in used:
            assert name in (labels if _is_label(name) else known), expression
        for given in re.findall(r'interval_scheduler_\w+=~?"([^"]+)"', expression):
            assert set(given.split("|")) <= values, expression
    if PROMTOOL is not None:  # Prometheus's own evaluation, where it is installed
        await _fire([], _series(*scraped.well), tmp_path)
        await _fire([rule["alert"] for rule in RULES if rule["alert"] != SILENT], _series(*scraped.ill), tmp_path)


@pytest.mark.skipif(PROMTOOL is None, reason="Prometheus is not installed")
@pytest.mark.asyncio
async def test_it_is_noticed_that_all_processes_are_dead(tmp_path: Path) -> None:
    def series(namespace: str, values: str) -> dict[str, str]:
        return {
            "series": f'interval_scheduler_places_limit{{messaging_destination_name="{namespace}"}}',
            "values": values,
        }

    lives = series("lives", f"1x{_MINUTES}")
    await _fire([], [lives], tmp_path)
    await _fire([SILENT], [lives, series("dies", "1x5 stale")], tmp_path)
    await _fire([SILENT], [series("dies", "1x5 stale")], tmp_path)
    await _fire([SILENT], [], tmp_path)


def _series(first: Scrape, last: Scrape) -> Iterable[dict[str, str]]:
    """The series of two scrapes: counters go on as between them, gauges stay as they are in the end."""
    before = {(sample.name, *sorted(sample.labels.items())): sample.value for sample in first}
    for sample in last:
        if not NAMES.fullmatch(sample.name) or sample.name.endswith("_created"):
            continue
        text = ", ".join(f'{label}="{value}"' for label, value in sorted(sample.labels.items()))
        rises = sample.name.endswith(("_total", "_bucket", "_count", "_sum"))
        start = before.get((sample.name, *sorted(sample.labels.items())), 0.0) if rises else sample.value
        step = sample.value - start
        yield {"series": f"{sample.name}{{{text}}}", "values": f"{start:.12f}+{step:.12f}x{_MINUTES}"}


async def _fire(names: Iterable[str], series: Iterable[dict[str, str]], folder: Path) -> None:
    """See that exactly these alerts fire in the end, as Prometheus decides."""
    test = {
        "rule_files": [str(ROOT / "docs" / "alerts.yml")],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": list(series),
                "promql_expr_test": [
                    {
                        "expr": "group by (alertname) (ALERTS{alertstate='firing'})",
                        "eval_time": f"{_MINUTES}m",
                        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
                    }
                ],
            }
        ],
    }
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump(test))
    done = await asyncio.to_thread(
        subprocess.run, [str(PROMTOOL), "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_says_what_it_is_and_the_page_has_it() -> None:
    page = (ROOT / "docs" / "telemetry.md").read_text()
    for rule in RULES:
        assert rule["alert"] in page
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["labels"]["severity"] in {"warning", "critical"}


@pytest.mark.parametrize("expression", _expressions())
def test_what_redis_has_is_not_added_up_over_processes(expression: str) -> None:
    """While one process takes the reading over from another, both tell it."""
    of_redis = r"interval_scheduler_(?:tasks|due|due_age_seconds|schedulers|demand_per_second)\b(?!_)"
    expression = re.sub(r"\{[^}]*\}", "", expression)
    summed = [found[0] for found in re.finditer(rf"(\w+) (?:by \([^)]*\) )?\({of_redis}|(\w+)\({of_redis}", expression)]
    assert [each for each in summed if not each.startswith("max")] == []


def test_the_dashboard_shows_every_metric() -> None:
    shown = set(NAMES.findall(" ".join(_expressions())))
    for name, metric in names.OBSERVABLE.items():
        ends = {"counter": "_total", "gauge": {"s": "_seconds", "{run}/s": "_per_second"}.get(metric.unit, "")}
        assert name.replace(".", "_") + ends[metric.kind] in shown
    for name in (names.DURATION, names.LAG):
        assert f"{name.replace('.', '_')}_seconds_bucket" in shown
