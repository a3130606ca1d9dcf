"""Functions of the application that cannot take their arguments are refused where they are given, before any I/O."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import inspect
from collections.abc import Callable
from types import UnionType
from typing import Any, get_args, get_overloads, get_type_hints
from unittest.mock import Mock

import pytest

from interval_scheduler import (
    BlockingScheduler,
    FlatOptions,
    InvalidType,
    Scheduler,
    SchedulerOptions,
    StorageOptions,
)
from interval_scheduler.facade.listening import EventCalls
from interval_scheduler.support.arity import check_arity
from interval_scheduler.support.events import ARGUMENTS, EVENT_NAMES, EventName

GIVEN = ("the first", "the second")


def passes_on(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that hands on whatever it gets."""

    @functools.wraps(function)
    def wrapper(*args: Any, **options: Any) -> Any:
        return function(*args, **options)

    return wrapper


def adds(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that adds an argument."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function("more", *args)

    return wrapper


def drops(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that says what it takes, and hands nothing on."""

    @functools.wraps(function)
    def wrapper(first: object, second: object) -> Any:
        return function()

    return wrapper


class Thing:
    def takes(self, first: object, second: object) -> None: ...
    def takes_one(self, first: object) -> None: ...
    @staticmethod
    def static(first: object, second: object) -> None: ...
    @classmethod
    def of_class(cls, first: object, second: object) -> None: ...
    @passes_on
    def wrapped(self, first: object, second: object) -> None: ...
    @passes_on
    def wrapped_one(self, first: object) -> None: ...
    def __call__(self, first: object, second: object = None) -> None: ...


class ShowsNothing:
    """An object whose signature cannot be read."""

    @property
    def __signature__(self) -> object:
        raise LookupError("nobody knows")

    def __call__(self, *_: object) -> None: ...


def three(first: object, second: object, third: object) -> None: ...
def named(first: object, second: object, *, third: object) -> None: ...


FINE: list[Any] = [
    lambda _, __: None,
    lambda _, __, more=1: None,
    lambda *_: None,
    lambda _, *__: None,
    lambda _, *__, more=1, **options: None,
    functools.partial(three, 1),
    functools.partial(three, third=1),
    functools.partial(named, third=1),
    functools.partial(functools.partial(three), 1),
    Thing().takes,
    Thing.static,
    Thing.of_class,
    Thing().wrapped,
    Thing(),
    passes_on(lambda _, __: None),
    adds(three),
    drops(lambda: None),
    Mock(),
    print,
    max,
    dict,
    {}.setdefault,
    ShowsNothing(),
]
WRONG: list[tuple[Any, str]] = [
    (lambda: None, ""),
    (lambda name: None, "name"),
    (lambda name, /: None, "name"),
    (three, "first, second, third"),
    (named, "first, second, *, third"),
    (lambda name, **options: None, "name, **options"),
    (lambda *args, more: None, "*args, more"),
    (functools.partial(three), "first, second, third"),
    (functools.partial(three, 1, 2), "third"),
    (Thing().takes_one, "first"),
    (Thing.takes, "self, first, second"),
    (Thing().wrapped_one, "first"),
    (passes_on(lambda: None), ""),
    (passes_on(passes_on(lambda name: None)), "name"),
    ([].append, "object"),
    (Thing, ""),
]


@pytest.mark.parametrize("function", FINE)
def test_it_can_be_called_so(function: Any) -> None:
    check_arity("handler", function, GIVEN)


@pytest.mark.parametrize(("function", "taken"), WRONG)
def test_it_cannot_be_called_so(function: Any, taken: str) -> None:
    with pytest.raises(InvalidType) as caught:
        check_arity("handler", function, GIVEN, " then")
    assert caught.value.field == "handler"
    assert (
        str(caught.value) == f"handler must take two arguments, the first and the second then, but it takes ({taken})"
    )


def test_no_default_is_shown() -> None:
    with pytest.raises(InvalidType) as caught:
        check_arity("handler", lambda password="secret", *, key="hidden": None, GIVEN)
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_what_ends_the_process_goes_through() -> None:
    class Ends:
        @property
        def __signature__(self) -> object:
            raise KeyboardInterrupt

        def __call__(self) -> None: ...

    with pytest.raises(KeyboardInterrupt):
        check_arity("handler", Ends(), GIVEN)


# Handlers


def too_few(count: int) -> Callable[..., None]:
    """A function that takes one argument less than an event has, or one more if it has none."""
    parameters = [
        inspect.Parameter(f"p{n}", inspect.Parameter.POSITIONAL_ONLY) for n in range(count - 1 if count else 1)
    ]

    def function(*_: object) -> None: ...

    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


@pytest.mark.parametrize("event", EVENT_NAMES)
@pytest.mark.parametrize("make", [Scheduler.from_url, BlockingScheduler.from_url])
def test_a_handler_takes_what_its_event_has(make: Callable[[str], EventCalls], event: EventName) -> None:
    scheduler = make("memory://")
    with pytest.raises(InvalidType, match=f"^handler must take .* at the event '{event}', but it takes ") as caught:
        scheduler.on(event, too_few(len(ARGUMENTS[event])))
    assert all(words in str(caught.value) for words in ARGUMENTS[event])
    scheduler.on(event, lambda *_: None)


def test_each_event_has_as_many_arguments_as_its_type_says() -> None:
    typed: dict[str, int] = {}
    for overload in get_overloads(EventCalls.on):
        hints = get_type_hints(overload)
        for name in hints["event"].__args__:
            halves = get_args(hints["handler"]) if isinstance(hints["handler"], UnionType) else (hints["handler"],)
            (typed[name],) = {len(get_args(half)[0]) for half in halves}
    assert typed == {name: len(words) for name, words in ARGUMENTS.items()}


# Executors


async def none() -> None: ...
async def two(data: str, more: str) -> None: ...
async def by_name(data: str, *, more: str) -> None: ...


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **options: Any) -> Any:
        return await function(*args, **options)

    return wrapper


class Called:
    async def __call__(self) -> None: ...
    async def method(self) -> None: ...
    async def right(self, data: str) -> None: ...


def _start(scheduler: Scheduler | BlockingScheduler, executor: Any) -> None:
    if isinstance(scheduler, Scheduler):
        asyncio.run(scheduler.start_task_execute(executor))
    else:
        scheduler.start_task_execute(executor)


REFUSED = [
    none,
    two,
    by_name,
    functools.partial(two),
    functools.partial(two, "a", "b"),
    Called(),
    Called().method,
    Called.right,
    decorated(none),
]


@pytest.mark.parametrize("executor", REFUSED)
def test_an_executor_takes_the_payload(executor: Any) -> None:
    # Nothing answers there: an attempt to connect would raise another error.
    for scheduler in (Scheduler.from_url("redis://127.0.0.1:1"), BlockingScheduler.from_url("redis://127.0.0.1:1")):
        with pytest.raises(
            InvalidType, match=r"^executor must take one argument, the payload, or the runs of a batch, but it takes \("
        ):
            _start(scheduler, executor)


@pytest.mark.parametrize("executor", [lambda: None, lambda data, more: None, passes_on(lambda: None), Called().method])
def test_a_plain_executor_takes_it_too(executor: Any) -> None:
    scheduler = BlockingScheduler.from_url("redis://127.0.0.1:1")
    with pytest.raises(
        InvalidType, match=r"^executor must take one argument, the payload, or the runs of a batch, but it takes \("
    ):
        scheduler.start_task_execute(executor)


async def with_more(data: str, more: int = 1) -> None: ...
async def with_all(*data: str) -> None: ...


@pytest.mark.parametrize(
    "executor",
    [
        with_more,
        with_all,
        functools.partial(two, "a"),
        functools.partial(by_name, more="b"),
        Called().right,
        decorated(two),
    ],
)
@pytest.mark.asyncio
async def test_executors_that_can_be_called(executor: Any) -> None:
    async with Scheduler.from_url("memory://") as scheduler:
        await scheduler.start_task_execute(executor)


# Options


def test_the_flat_options_are_all_options() -> None:
    """The type that editors and type checkers know has each option, with the type of its field."""
    wanted = get_type_hints(SchedulerOptions) | get_type_hints(StorageOptions)
    names = {field.name for options in (SchedulerOptions, StorageOptions) for field in dataclasses.fields(options)}
    assert get_type_hints(FlatOptions) == {name: wanted[name] for name in names - {"storage", "instances"}}
    assert FlatOptions.__required_keys__ == frozenset()
