"""What pages of others, and readers who send more than a page does, cannot reach."""

from __future__ import annotations

import base64

import httpx
import pytest

from interval_scheduler import Scheduler
from interval_scheduler.dashboard.alone.keys import FileKey, OneTimeKey
from interval_scheduler.dashboard.alone.tries import Tries
from tests.dashboard.acting import OWN
from tests.dashboard.conftest import reader_of
from tests.dashboard.test_signing_in import TOKEN, visitor

asynchronous = pytest.mark.asyncio
CROSS = {"Sec-Fetch-Site": "cross-site"}


@asynchronous
@pytest.mark.parametrize("root", ["", "/a/b"])
@pytest.mark.parametrize("path", ["//evil.test/x", "/%2fevil.test/", "/%5cevil.test/", "/x/../..//evil.test"])
async def test_a_link_elsewhere_does_not_lead_on_to_another_host(scheduler: Scheduler, root: str, path: str) -> None:
    async with visitor(scheduler, FileKey(TOKEN), root=root) as browser:
        bounce = await browser.get(f"http://dashboard.test{root}{path}", headers=CROSS)
    assert bounce.status_code == 200
    assert f'content="0; url={root}/"' in bounce.text
    assert "evil" not in bounce.text


@asynchronous
async def test_pictures_on_other_pages_do_not_keep_the_reader_out(scheduler: Scheduler) -> None:
    shown: list[str] = []
    async with visitor(scheduler, OneTimeKey(shown.append)) as browser:
        for dest in ("image", "iframe", "empty", "script") * 5:
            refused = await browser.get("/?token=x", headers={**CROSS, "Sec-Fetch-Dest": dest})
            assert refused.status_code == 403
        in_picture = await browser.get(f"/?token={shown[0]}", headers={**CROSS, "Sec-Fetch-Dest": "image"})
        assert in_picture.status_code == 403
        typed = {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}
        assert (await browser.get(f"/?token={shown[0]}", headers=typed)).status_code == 303


def test_addresses_that_are_none_take_no_memory() -> None:
    tries = Tries()
    for number in range(20):
        tries.note(f"{number}{'x' * 60_000}")
    assert list(tries._wrong) == [""]
    assert tries.must_wait("one more")
    assert not tries.must_wait("10.0.0.1")


@asynchronous
async def test_a_deep_cookie_of_somebody_else_breaks_no_page(reader: httpx.AsyncClient) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2_900).decode()
    shown = await reader.get("/", headers={"Cookie": f"interval_scheduler_said={deep}"})
    assert shown.status_code == 200
    assert "interval_scheduler_said=" in shown.headers["set-cookie"], "it is taken away"


@asynchronous
async def test_who_operates_revives_no_more_than_a_page_shows(scheduler: Scheduler) -> None:
    async with reader_of(scheduler, "operate") as reader:
        for count, status in ((1_000, 303), (1_001, 400)):
            form = {"which": "shown", **{f"id-{number}": f"t{number}" for number in range(count)}}
            assert (await reader.post("/do/revive", data=form, headers=OWN)).status_code == status
