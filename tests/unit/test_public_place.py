"""Public names say that they live in the package itself, and lose nothing by that."""

from __future__ import annotations

import dataclasses
import pickle
import tomllib
import traceback
import typing
from pathlib import Path

import pytest
from pydantic import TypeAdapter

import interval_scheduler
from interval_scheduler import LockTimeout, ScheduledTask
from tests.public import NAMES

PUBLIC = {name: getattr(interval_scheduler, name) for name in NAMES}
CLASSES = {name: thing for name, thing in PUBLIC.items() if isinstance(thing, type)}
DATACLASSES = {name: thing for name, thing in CLASSES.items() if dataclasses.is_dataclass(thing)}


@pytest.mark.parametrize("name", PUBLIC)
def test_it_names_the_package(name: str) -> None:
    assert PUBLIC[name].__module__ == "interval_scheduler"


@pytest.mark.parametrize("name", CLASSES)
def test_its_annotations_can_be_resolved(name: str) -> None:
    for cls in CLASSES[name].__mro__:
        typing.get_type_hints(cls)


@pytest.mark.parametrize("name", DATACLASSES)
def test_pydantic_knows_its_fields(name: str) -> None:
    schema = TypeAdapter(DATACLASSES[name]).core_schema
    assert schema["type"] in ("dataclass", "definitions")


def test_what_an_endpoint_returns_is_serialized() -> None:
    task = ScheduledTask("a", "x", 60.0, 1.0, "waiting", 1, "p:1/0")
    assert TypeAdapter(ScheduledTask).dump_python(task)["state"] == "waiting"


def test_a_traceback_names_the_package() -> None:
    error = LockTimeout("a", "was not free")
    assert traceback.format_exception_only(error)[0].startswith("interval_scheduler.LockTimeout: ")


def test_a_pickle_names_the_package() -> None:
    task = ScheduledTask("a", "x", 60.0, 1.0, "waiting", 1, "p:1/0")
    raw = pickle.dumps(task, protocol=0)
    assert b"cinterval_scheduler\nScheduledTask\n" in raw or b"interval_scheduler.model" not in raw
    assert pickle.loads(raw) == task


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert interval_scheduler.__version__ == project["version"]
