"""Finds the worker that the command line names: `module:attribute`."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final

from ...worker import Kind, Worker
from ..frame.exits import CONFIGURATION, Ended
from .spec import TARGET

#: Where the frames are that the author of the application has no use for.
_OTHERS: Final = (
    f"{Path(__file__).parents[2]}{os.sep}",
    f"{Path(importlib.__file__).parent}{os.sep}",
    "<frozen importlib",
)


class BadTarget(Ended):
    """The worker cannot be had.

    Args:
        words: what is wrong, and what to do.
        cause: the error of the application, with its own frames only; `None`: there is none.
    """

    def __init__(self, words: str, cause: BaseException | None = None) -> None:
        super().__init__(CONFIGURATION, words)
        self.cause = cause


def worker_of(target: str, queue: str | None = None, *, has_urls: bool) -> Worker:
    """Return the worker that a target names.

    Args:
        target: `module:attribute`. The attribute is a `Worker`; a coroutine function, which becomes the executor of the
            namespace itself or of `queue`; or a function that returns a `Worker`.
        queue: the queue of a coroutine function.
        has_urls: true if the command line or the environment says where Redis is.

    Raises:
        BadTarget: there is no such thing, or it cannot be imported.
    """
    form = TARGET.fullmatch(target)
    if form is None:
        raise BadTarget(f"The target must be module:attribute, such as app.jobs:worker, not {target!r}.")
    module = _imported(form["module"])
    found = _attribute(module, form["attribute"])
    if isinstance(found, Kind):
        raise BadTarget(f"{target} is an executor that a worker has bound: name the worker.")
    if inspect.iscoroutinefunction(found):
        if not has_urls:
            raise BadTarget(
                f"{target} is a coroutine function, which knows no server: say where Redis is by --redis URL."
            )
        worker = Worker()
        worker.executor(queue)(found)
        return worker
    if queue is not None:
        raise BadTarget("--queue is for a target that is a coroutine function; --only chooses queues of a worker.")
    return found if isinstance(found, Worker) else _made(target, found)


def _made(target: str, factory: Any) -> Worker:
    if not callable(factory):
        kind = type(factory).__name__
        raise BadTarget(
            f"{target} is of the type {kind}: it must be a Worker, a function that returns one, or an executor."
        )
    try:
        made = factory()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the code of the application
        raise BadTarget(f"{target} failed to make the worker.", _shortened(error)) from None
    if not isinstance(made, Worker):
        raise BadTarget(f"{target} must return a Worker, not {type(made).__name__}.")
    return made


def _imported(name: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the code of the application
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise BadTarget(f"There is no module {error.name!r} in {folder}, nor among the installed ones.") from None
        raise BadTarget(f"The module {name} cannot be imported.", _shortened(error)) from None


def _attribute(module: ModuleType, path: str) -> Any:
    found: Any = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            workers = sorted(key for key, value in vars(module).items() if isinstance(value, Worker))
            hint = f" It has the workers: {', '.join(workers)}." if workers else ""
            raise BadTarget(f"The module {module.__name__} has no {path}.{hint}") from None
    return found


def _shortened(error: BaseException) -> BaseException:
    """Return an error with the frames of the application only: who imports it is of no use to its author."""
    kept: list[TracebackType] = []
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(_OTHERS):
            kept.append(trace)
        trace = trace.tb_next
    shortened: TracebackType | None = None
    for each in reversed(kept):
        shortened = TracebackType(shortened, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return error.with_traceback(shortened)
