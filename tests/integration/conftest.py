"""Fixtures of the tests on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.folders import emptied


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of `local://` that is not there yet, in which nothing lives in the end."""
    with emptied(tmp_path / "data") as folder:
        yield folder
