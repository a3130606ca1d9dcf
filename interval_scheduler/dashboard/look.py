"""A request for a page or an action: the scheduler, the question, and who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from .. import Scheduler
from .guard.access import Level, includes
from .keeping import Kept

#: Gives the payload of a task as it may be shown: the id and the payload, to the payload or what stands for it.
Redact = Callable[[str, str | bytes], str | bytes]


@dataclass(frozen=True)
class Look:
    """One request for a page, or for an action.

    Attributes:
        scheduler: the scheduler of the namespace, or of the queue that the URL names.
        queue: the name of that queue; `None`: the namespace itself.
        queues: the names of all queues; none for who may not see the namespace itself.
        query: the values of the URL; of several with one name the last.
        level: what the reader may do.
        root: the path under which the dashboard lies, without a slash at its end: `""` or `/ops/schedule`.
        now: the moment of the request, in UTC, by the clock of this machine.
        redact: changes payloads before they are shown; `None`: nothing does.
        kept: what the dashboard keeps from one request to the next.
    """

    scheduler: Scheduler
    queue: str | None
    queues: tuple[str, ...]
    query: Mapping[str, str]
    level: Level
    root: str
    now: datetime
    redact: Redact | None
    kept: Kept = field(default_factory=Kept)

    @property
    def place(self) -> str:
        """What the scheduler is of, in a sentence: `queue` or `namespace`."""
        return "queue" if self.queue else "namespace"

    def may(self, level: Level) -> bool:
        """Tell if the reader has the rights of a level."""
        return includes(self.level, level)

    def url(self, page: str, /, **values: object) -> str:
        """Return the URL of a page (`""`: the overview) for the same queue; values that are `None` are left out.

        Whatever stands in an id is quoted: ids go into the query, and never into the path.
        """
        query = {"queue": self.queue, **values}
        text = urlencode({name: str(value) for name, value in query.items() if value is not None})
        return f"{self.root}/{page}{'?' if text else ''}{text}"

    def here(self, page: str, /, **values: object) -> str:
        """Return the URL of the page with the values of this request, but for those that are given."""
        return self.url(page, **{**{k: v for k, v in self.query.items() if k != "queue"}, **values})
