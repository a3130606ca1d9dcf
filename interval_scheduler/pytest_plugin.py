"""A fixture of pytest that gives tests a clock they can move.

Switch it on in `conftest.py`:

```python
pytest_plugins = ["interval_scheduler.pytest_plugin"]
```

The fixture `scheduler_clock` is asynchronous, so the tests need pytest-asyncio, or the plugin of anyio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from .testing import TimeMachine, time_machine


@pytest_asyncio.fixture
async def scheduler_clock() -> AsyncIterator[TimeMachine]:
    """Give the test a time machine that starts at 2030-01-01 in UTC; see `interval_scheduler.testing`."""
    async with time_machine() as clock:
        yield clock
