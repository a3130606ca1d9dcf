"""Telemetry in processes as users start them: FastAPI by uvicorn, and a worker by `interval-scheduler run`."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from urllib.error import URLError

import pytest

from interval_scheduler import BlockingScheduler, IntervalTask
from tests.cli.running import running
from tests.contrib.serving import serving
from tests.servers import RedisServer, free_port
from tests.telemetry.collecting import DEADLINE_SECONDS, of_namespace, scraped
from tests.waiting import until, until_outside

#: What both applications share: metrics at a port of their own, and an executor for the namespace and for a queue.
APP = """\
import os
from contextlib import asynccontextmanager
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server
from interval_scheduler.telemetry import instrument
from interval_scheduler.worker import Worker

@asynccontextmanager
async def lifespan(scheduler):
    metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))
    server, thread = start_http_server(int(os.environ["METRICS"]), "127.0.0.1")
    with instrument(scheduler, storage=True, spans=True):
        yield {}
    server.shutdown()
    thread.join()

worker = Worker(lifespan=lifespan)

@worker.executor
async def work(data: str) -> None:
    if data == "bad":
        raise RuntimeError("it does not work")

@worker.executor("mail")
async def send(data: str) -> None:
    pass
"""
#: The same, served.
SERVED = (
    APP
    + """
from fastapi import FastAPI
from interval_scheduler import IntervalTask
from interval_scheduler.contrib.fastapi import SchedulerDep, lifespan as with_worker

app = FastAPI(lifespan=with_worker(worker))

@app.get("/")
async def root() -> str:
    return "here"

@app.put("/{name}")
async def assign(name: str, scheduler: SchedulerDep) -> bool:
    await scheduler.queue("mail").assign_task(IntervalTask(name))
    return await scheduler.assign_task(IntervalTask(name, "bad", every=3600))
"""
)
RUNS = "interval_scheduler_runs_total"


def _is_told(port: int, namespace: str) -> bool:
    """Tell if the failed run and that of the queue are told, and what is read from Redis."""
    try:
        told = scraped(port)
    except URLError:  # it has not begun to serve
        return False
    failed = told.total(RUNS, interval_scheduler_outcome="failed", **of_namespace(namespace))
    well = told.total(RUNS, interval_scheduler_outcome="ok", **of_namespace(f"{namespace}.mail"))
    stored = told.total("interval_scheduler_tasks", **of_namespace(namespace))
    sampled = told.total("interval_scheduler_run_lag_seconds_count")
    return (failed, well, sampled) == (1, 1, 2) and stored >= 1


@pytest.mark.asyncio
async def test_in_a_process_of_uvicorn(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SERVED)
    port = free_port()
    variables = {
        "INTERVAL_SCHEDULER_REDIS": redis_server.url,
        "INTERVAL_SCHEDULER_NAMESPACE": namespace,
        "METRICS": str(port),
    }
    command = ("uvicorn", "app:app", "--host", "127.0.0.1", "--port", "PORT")
    async with serving(*command, log=tmp_path / "log", variables=variables, folder=tmp_path) as serves:
        assert (await serves.http.put("/feed")).json() is True, serves.output
        await until(lambda: asyncio.to_thread(_is_told, port, namespace), DEADLINE_SECONDS)
        told = await asyncio.to_thread(scraped, port)
        sent = "messaging_client_sent_messages_total"
        assert told.values(sent, **of_namespace(namespace)) == told.values(sent, **of_namespace(f"{namespace}.mail"))
        assert await serves.terminate() in (0, -signal.SIGTERM), serves.output


def test_in_a_worker_of_interval_scheduler_run(redis_server: RedisServer, namespace: str, tmp_path: Path) -> None:
    port = free_port()
    words = ("app:worker", "--redis", redis_server.url, "-n", namespace)
    with (
        running(tmp_path, *words, app=APP, METRICS=str(port)) as run,
        BlockingScheduler.from_url(redis_server.url, namespace=namespace) as scheduler,
    ):
        run.up(1)
        scheduler.assign_task(IntervalTask("feed", "bad", every=3600))
        scheduler.queue("mail").assign_task(IntervalTask("letter"))
        until_outside(lambda: _is_told(port, namespace), DEADLINE_SECONDS)
        run.send(signal.SIGTERM)
        assert run.code() == 0, run.said
