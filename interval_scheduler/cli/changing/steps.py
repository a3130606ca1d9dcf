"""Many calls, one for each id: made at the same time in bounded number, each answered by a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

import interval_scheduler  # its names load when they are used: the help of a command needs none

from ..frame.exits import DONE, UNKNOWN, UNWRITTEN, code_of, is_full, mute, unwritten
from ..output.output import Output
from ..output.progress import Progress

#: The most calls under way: enough for full batches to every partition.
_AT_ONCE: Final = 2_000
#: The rows that are written at once.
_ROWS: Final = 100
_NOT_DONE: Final = "not done"
_NOT_KNOWN: Final = "not known"


class Step(NamedTuple):
    """The answer to one id.

    Attributes:
        id: the id.
        result: what became of it, in words.
        code: the exit code that it asks for.
        error: what went wrong at its partition; `None`: nothing.
    """

    id: str
    result: str
    code: int = DONE
    error: str | None = None


class Report:
    """The rows of the steps, their exit code, and the words at the end.

    Args:
        out: the output.
        progress: the line that tells how far the work is.
        total: the number of ids.
    """

    def __init__(self, out: Output, progress: Progress, total: int) -> None:
        self._out = out
        self._table = out.table(("id", "result"))
        self._progress = progress
        self._total = total
        self._steps: list[Step] = []
        self._results: Counter[str] = Counter()
        self._errors: dict[str, None] = {}  # in their order, each once
        #: The highest exit code of the steps so far.
        self.code = DONE

    def add(self, step: Step) -> None:
        """Take what became of an id; write it when there are some."""
        self._steps.append(step)
        self._results[step.result] += 1
        self.code = max(self.code, step.code)
        if step.error is not None:
            self._errors.setdefault(step.error)
        if len(self._steps) >= _ROWS:
            self._write()
        self._progress.tell(f"{self._results.total():,} of {self._total:,}")

    def end(self) -> str:
        """Write what is left of the rows; return what went wrong, in lines. Many results are counted in words."""
        self._write()
        if self._total > 1:
            missing = self._total - self._results.total()
            counts = [*self._results.items(), *([("not tried", missing)] if missing else [])]
            self._out.say(", ".join(f"{result}: {count:,}" for result, count in counts))
        return "\n".join(self._errors)

    def _write(self) -> None:
        self._progress.erase()
        steps, self._steps = self._steps, []
        try:
            self._table.add([(step.id, step.result) for step in steps], [_value(step) for step in steps])
        except BrokenPipeError:
            mute()  # nobody reads on; the work is done to its end all the same
        except OSError as error:
            if not is_full(error):
                raise
            mute()
            self._errors.setdefault(unwritten(error))
            self.code = max(self.code, UNWRITTEN)


def _value(step: Step) -> dict[str, Any]:
    value = {"id": step.id, "done": step.code == DONE, "result": step.result}
    return value if step.error is None else value | {"error": step.error}


async def work_through(ids: Sequence[str], call: Callable[[str], Awaitable[Step]], report: Report) -> None:
    """Make a call for each id. One that a partition fails is a row too, and the others go on.

    If it is cancelled, the calls under way are told as not known.
    """
    import asyncio  # noqa: PLC0415 - the help of a command needs none of it

    left = iter(ids)

    async def work() -> None:
        for each in left:
            step = Step(each, _NOT_KNOWN, UNKNOWN)
            try:
                step = await call(each)
            except interval_scheduler.StorageError as error:
                code = code_of(error)
                step = Step(each, _NOT_KNOWN if code == UNKNOWN else _NOT_DONE, code, str(error))
            finally:
                report.add(step)

    await asyncio.gather(*(work() for _ in range(min(len(ids), _AT_ONCE))))
