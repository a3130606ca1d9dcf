"""A fixture of pytest that gives tests a clock they can move.

Switch it on in `conftest.py`:

```python
pytest_plugins = ["interval_scheduler.pytest_plugin"]
```

The fixture `scheduler_clock` is asynchronous, so the tests need pytest-asyncio, or the plugin of anyio. A marker of the
same name has the arguments of its `time_machine()`:

```python
@pytest.mark.scheduler_clock(errors="log")
async def test_a_mail_that_fails(scheduler_clock: TimeMachine) -> None: ...
```
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .testing import TimeMachine, time_machine


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "scheduler_clock(start, *, seed, errors, patience): open its time machine so")


@pytest_asyncio.fixture
async def scheduler_clock(request: pytest.FixtureRequest) -> AsyncIterator[TimeMachine]:
    """Give the test a time machine that starts at 2030-01-01 in UTC; see `interval_scheduler.testing`."""
    marker = request.node.get_closest_marker("scheduler_clock")
    args, options = ((), {}) if marker is None else (marker.args, marker.kwargs)
    async with time_machine(*args, **options) as clock:
        yield clock
