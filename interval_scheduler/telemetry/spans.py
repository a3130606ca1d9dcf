"""Spans around runs and around calls that assign tasks.

A run is no child of the call that assigned its task, which may have been made months ago, or by somebody else: it is
the root of a trace of its own, with a link to that call. Whatever a tracer raises is told once, and disturbs no run.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .. import Retry, TaskRun
from . import names

_Result = TypeVar("_Result")

_log = logging.getLogger("interval_scheduler")
_TRACEPARENT: Final = "traceparent"
_texts: Final = TraceContextTextMapPropagator()


class Spans:
    """The hooks that make spans.

    Args:
        tracer: makes them.
        propagate: whether tasks carry the span that assigned them.
    """

    def __init__(self, tracer: Tracer, *, propagate: bool) -> None:
        self._tracer = tracer
        self._propagate = propagate
        self._has_failed = False

    async def around_runs(
        self, namespace: str, runs: Sequence[TaskRun], call: Callable[[], Awaitable[object]]
    ) -> object:
        """Carry a run, or a batch of them, out in a span of its own."""
        span = self._start_process(namespace, runs)
        if span is None:
            return await call()
        token = context.attach(trace.set_span_in_context(span))
        try:
            result = await call()
        except BaseException as error:
            self._end(span, error)
            raise
        else:
            self._end(span, None)
            return result
        finally:
            context.detach(token)

    @contextmanager
    def around_assigns(self, namespace: str) -> Iterator[str | None]:
        """Make a span around a call that assigns tasks, and give the text by which runs link to it."""
        span = self._start_create(namespace)
        if span is None:
            yield None
            return
        token = context.attach(trace.set_span_in_context(span))
        try:
            yield self._attempt(lambda: _text_of(span)) if self._propagate else None
        except BaseException as error:
            self._end(span, error)
            raise
        else:
            self._end(span, None)
        finally:
            context.detach(token)

    def _start_process(self, namespace: str, runs: Sequence[TaskRun]) -> Span | None:
        attributes: dict[str, str | int | float] = {
            **_operation(namespace, "process"),
            names.PARTITION: runs[0].partition,
        }
        if len(runs) == 1:
            attributes["messaging.message.id"] = runs[0].id
            attributes["interval_scheduler.attempt"] = runs[0].attempt
            attributes["interval_scheduler.lag"] = runs[0].lag
        else:
            attributes["messaging.batch.message_count"] = len(runs)
            if len({run.partition for run in runs}) > 1:
                del attributes[names.PARTITION]
        links = [Link(each) for each in map(_context_of, {run.trace for run in runs if run.trace}) if each.is_valid]
        return self._start(f"process {namespace}", SpanKind.CONSUMER, attributes, links, Context())

    def _start_create(self, namespace: str) -> Span | None:
        return self._start(f"create {namespace}", SpanKind.PRODUCER, _operation(namespace, "create"), (), None)

    def _start(
        self,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, str | int | float],
        links: Sequence[Link],
        parent: Context | None,
    ) -> Span | None:
        return self._attempt(lambda: self._tracer.start_span(name, parent, kind, attributes, links))

    def _end(self, span: Span, error: BaseException | None) -> None:
        def note() -> None:
            if error is not None and not isinstance(error, Retry):
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR, type(error).__qualname__))
                span.record_exception(error)  # last: it asks the error for its text, and that may fail

        self._attempt(note)
        self._attempt(span.end)

    def _attempt(self, call: Callable[[], _Result]) -> _Result | None:
        """Call a tracer of the application; `None` if it raises, or if the text of an error does. It disturbs no run.

        A `CancelledError` is one of these errors: nothing is awaited here, so it is never that of a run.
        """
        try:
            return call()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:  # noqa: BLE001 - whatever it is, it is told once
            self._tell()
            return None

    def _tell(self) -> None:
        if not self._has_failed:
            self._has_failed = True
            _log.exception("spans cannot be made or ended; it is not told again")


def _operation(namespace: str, kind: str) -> dict[str, str]:
    return {
        names.SYSTEM: names.SCOPE,
        names.DESTINATION: namespace,
        "messaging.operation.type": kind,
        "messaging.operation.name": kind,
    }


def _text_of(span: Span) -> str | None:
    """Return the `traceparent` of a span; `None` if it is not sampled: a link would lead nowhere."""
    if not span.get_span_context().trace_flags.sampled:
        return None
    carrier: dict[str, str] = {}
    _texts.inject(carrier, trace.set_span_in_context(span))
    return carrier.get(_TRACEPARENT)


def _context_of(text: str) -> trace.SpanContext:
    return trace.get_current_span(_texts.extract({_TRACEPARENT: text}, Context())).get_span_context()
