"""A worker process: `python -P -m interval_scheduler.cli.process.child DESCRIPTOR`, started by the supervisor.

```text
 told what to run ──▶ imports the target ──▶ connects, enters the lifespan ──▶ all executors at work: tells "up"
        │                     │                            │                              │
        └─────────────────────┴── SIGTERM, or the order ───┴──────────────────────────────┴──▶ drains, and ends with 0
                                  or the supervisor is gone
```

A thread reads what the supervisor says, so it is heard while an executor blocks the event loop. If the supervisor is
gone, the process drains as after SIGTERM; one that has not ended when its time is over is ended by that thread.
SIGINT does nothing here: a terminal sends it to all processes at once, and the supervisor gives the order.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ...worker.signals import Signals
from ...worker.started import Started
from ..frame.exits import BUG, CONFIGURATION, DONE, Ended, code_of
from . import logs
from .answering import Answers
from .channel import Channel
from .orders import Orders
from .spec import HELD_BACK, KILL_AFTER_SECONDS, Spec
from .target import BadTarget, worker_of

_log = logging.getLogger("interval_scheduler.run")


class Child:
    """One worker process.

    Args:
        channel: the way to the supervisor.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._orders = Orders()
        self._answers: Answers | None = None
        self._longest_end_seconds = 0.0

    def run(self) -> int:
        """Run the worker to its end, and return the exit code."""
        self._take_signals()
        messages = self._channel.messages()
        first = next(messages, None)
        if first is None:  # the supervisor died while this process started
            return DONE
        spec = Spec.from_json(first)
        logs.set_up(spec.log_format, spec.log_level, utc=spec.utc)
        threading.Thread(target=self._listen, args=(messages,), name="supervisor", daemon=True).start()
        try:
            return self._work(spec)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told by its code and in the log
            code = _told(error, debug=spec.debug)
            self._channel.tell({"told": code})
            return code

    def _take_signals(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self._orders.drain())
        # No SIG_IGN: what executors start would ignore them as well.
        signal.signal(signal.SIGINT, _nothing)
        signal.signal(signal.SIGHUP, _nothing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)

    def _listen(self, messages: Iterator[dict[str, Any]]) -> None:
        """Do what the supervisor says, in a thread; when it is gone, end the process in time."""
        try:
            for message in messages:
                if (order := message.get("order")) is not None:
                    (self._orders.cut if order == "cut" else self._orders.drain)()
                elif self._answers is not None:
                    self._orders.call(partial(self._answers.ask, message["ask"]))
        finally:  # whatever keeps it from hearing more
            self._leave()

    def _leave(self) -> None:
        self._orders.drain()
        # Not in this thread: who should read the log may be gone as well, and a line then wait for ever.
        self._orders.call(partial(_log.warning, "the supervisor is gone: this process ends"))
        time.sleep(self._longest_end_seconds + KILL_AFTER_SECONDS)  # it ends with the process, if that does not hang
        os._exit(BUG)

    def _work(self, spec: Spec) -> int:
        if self._orders.is_draining:
            return DONE
        worker = worker_of(spec.target, spec.queue, has_urls=bool(spec.urls))
        with asyncio.Runner(loop_factory=_loop_factory(spec)) as runner:
            signals = Signals()

            async def work() -> None:
                self._orders.obeyed_by(signals)
                options: Any = spec.options
                await worker.obey(signals, *spec.urls, only=spec.only, on_start=self._up, **options)

            runner.run(work())
        return DONE

    def _up(self, worker: Started) -> None:
        self._longest_end_seconds = worker.drain_seconds + worker.cancel_grace_seconds
        self._answers = Answers(worker, self._channel.tell)
        self._channel.tell({"up": [worker.drain_seconds, worker.cancel_grace_seconds]})


def _nothing(*_: object) -> None:
    """Take a signal, and do nothing."""


def _loop_factory(spec: Spec) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not spec.uvloop:
        return None
    try:
        import uvloop  # noqa: PLC0415 - it is not loaded unless asked for
    except ModuleNotFoundError:
        raise Ended(CONFIGURATION, "--uvloop needs one more package: pip install uvloop") from None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _told(error: Exception, *, debug: bool) -> int:
    """Log an error, and return its exit code. Its traceback is told if it is the application's, or a bug."""
    code = code_of(error)
    if isinstance(error, BadTarget):
        _log.error("%s", error.message, exc_info=error if debug else error.cause)
    elif isinstance(error, Ended):
        _log.error("%s", error.message)
    else:
        _log.error("%s: %s", type(error).__name__, error, exc_info=error if debug or code == BUG else None)
    return code


if __name__ == "__main__":
    sys.exit(Child(Channel(int(sys.argv[1]))).run())
