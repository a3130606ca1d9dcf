"""Fixtures of the tests on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interval_scheduler.storage.connection.replication import send_replicated
from interval_scheduler.storage.requests import sender
from tests.folders import emptied


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of `local://` that is not there yet, in which nothing lives in the end."""
    with emptied(tmp_path / "data") as folder:
        yield folder


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis waits for replicas for a moment only, and the client for the answer for as long as a slow machine needs."""

    async def send(client: Any, key: bytes, replicas: int, _: float, *command: Any) -> tuple[Any, int]:
        return await send_replicated(client, key, replicas, 0.4, *command)

    monkeypatch.setattr(sender, "send_replicated", send)
