"""Signing in to a dashboard that stands alone: links that work once, a token file, sessions, wrong tokens."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from interval_scheduler import Scheduler
from interval_scheduler.cli.frame.exits import REFUSED, Ended
from interval_scheduler.dashboard.alone.door import Door
from interval_scheduler.dashboard.alone.keys import FileKey, Key, OneTimeKey, read_key
from interval_scheduler.dashboard.alone.opening import Opening
from interval_scheduler.dashboard.alone.place import checked_root, place_at
from interval_scheduler.dashboard.alone.sessions import LIFETIME_SECONDS, Sessions
from interval_scheduler.dashboard.alone.tries import WINDOW_SECONDS, Tries
from interval_scheduler.dashboard.answers import Answers
from interval_scheduler.dashboard.app import guarded, pages_of
from interval_scheduler.dashboard.registry import PAGES
from interval_scheduler.dashboard.serving import Site
from tests.dashboard.acting import OWN
from tests.dashboard.conftest import HOST
from tests.waiting import until_outside

TOKEN = "correct horse battery"
COOKIE = "interval_scheduler_1"
asynchronous = pytest.mark.asyncio


class Clock:
    """Seconds that a test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def visitor(
    scheduler: Scheduler, key: Key, *, root: str = "", clock: Callable[[], float] | None = None, **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody before the door of a dashboard."""
    answers = Answers(PAGES, "shop", can_sign_out=True)
    site = Site(scheduler, lambda _: "read", None, None, answers)
    own = clock or Clock()
    app = guarded(
        pages_of(site, answers),
        frozenset(),
        root=root,
        inside=lambda inner: Door(inner, key, answers, COOKIE, Sessions(own), Tries(own)),
    )
    transport = httpx.ASGITransport(app, **options)
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        yield client


@asynchronous
@pytest.mark.parametrize("root", ["", "/a/b"])
async def test_a_link_works_once(scheduler: Scheduler, root: str) -> None:
    shown: list[str] = []
    async with visitor(scheduler, OneTimeKey(shown.append), root=root) as browser:
        assert (await browser.get("/")).status_code == 401
        answer = await browser.get(f"{root}/?token={shown[0]}&a=1")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{root}/?a=1")
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", f"Max-Age={12 * 3600}", f"Path={root or '/'}"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert (await browser.get(f"{root}/")).status_code == 200
        assert len(shown) == 2, "the terminal shows a new link"
        again = await browser.get(f"{root}/?token={shown[1]}")
        assert (again.status_code, again.headers["location"]) == (303, f"{root}/")
        browser.cookies.clear()
        used = await browser.get(f"{root}/?token={shown[0]}")
        assert used.status_code == 401
        assert "used already" in used.text
        assert not any(token in used.text for token in shown)
        second = await browser.get(f"{root}/?token={shown[1]}")
        assert second.status_code == 303, "who is signed in does not use up a link"
    assert all(len(token) >= 43 for token in shown)


@asynchronous
async def test_a_cookie_of_https_is_for_https(scheduler: Scheduler) -> None:
    shown: list[str] = []
    async with visitor(scheduler, OneTimeKey(shown.append)) as browser:
        answer = await browser.get(f"https://dashboard.test/?token={shown[0]}")
    assert "Secure" in answer.headers["set-cookie"]


@asynchronous
async def test_signing_in_by_a_form_and_out(scheduler: Scheduler) -> None:
    async with visitor(scheduler, FileKey(TOKEN)) as browser:
        page = await browser.get("/?a=%22%3Cb%3E")
        assert page.status_code == 401
        assert page.headers["www-authenticate"] == "Bearer"
        back = re.search(r'name="back" value="([^"]*)"', page.text)
        assert back is not None
        assert back[1] == "/?a=%22%3Cb%3E"
        wrong = await browser.post("/sign-in", data={"token": "x", "back": back[1]}, headers=OWN)
        assert wrong.status_code == 401
        assert "This is not the token." in wrong.text
        others = await browser.post("/sign-in", data={"token": TOKEN}, headers={"Sec-Fetch-Site": "cross-site"})
        assert others.status_code == 403
        right = await browser.post("/sign-in", data={"token": TOKEN, "back": back[1]}, headers=OWN)
        assert (right.status_code, right.headers["location"]) == (303, back[1])
        assert "Sign out" in (await browser.get("/")).text
        assert (await browser.get("/sign-in")).headers["location"] == "/"
        session = browser.cookies[COOKIE]
        stay = await browser.post("/sign-out", headers={"Sec-Fetch-Site": "same-site"})
        assert stay.status_code == 403
        out = await browser.post("/sign-out", headers=OWN)
        assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
        assert COOKIE not in browser.cookies
        assert (await browser.get("/sign-in")).status_code == 200
        old = await browser.get("/", headers={"Cookie": f"{COOKIE}={session}"})
        assert old.status_code == 401, "the session has ended at the server too"


@asynchronous
async def test_nobody_is_sent_elsewhere_after_signing_in(scheduler: Scheduler) -> None:
    async with visitor(scheduler, FileKey(TOKEN)) as browser:
        answer = await browser.post("/sign-in", data={"token": TOKEN, "back": "//evil.test"}, headers=OWN)
    assert answer.headers["location"] == "/"


@asynchronous
async def test_programs_send_the_token_with_each_request(scheduler: Scheduler) -> None:
    async with visitor(scheduler, FileKey(TOKEN)) as program:
        nobody = await program.get("/overview.json")
        assert (nobody.status_code, list(nobody.json())) == (401, ["error"])
        for header, status in ((f"Bearer {TOKEN}", 200), ("Bearer x", 401), (f"Basic {TOKEN}", 401), ("Bearer", 401)):
            answer = await program.get("/overview.json", headers={"Authorization": header})
            assert answer.status_code == status, header
            assert "set-cookie" not in answer.headers
    shown: list[str] = []
    async with visitor(scheduler, OneTimeKey(shown.append)) as program:
        answer = await program.get("/overview.json", headers={"Authorization": f"Bearer {shown[0]}"})
        assert answer.status_code == 401
    assert len(shown) == 1, "a program does not use up a link"


@asynchronous
async def test_a_link_elsewhere_leads_who_is_signed_in_to_the_page(scheduler: Scheduler) -> None:
    async with visitor(scheduler, FileKey(TOKEN)) as browser:
        cross = {"Sec-Fetch-Site": "cross-site"}
        bounce = await browser.get('/?a="', headers=cross)
        assert bounce.status_code == 200
        assert 'content="0; url=/?a=%22"' in bounce.text
        ours = await browser.get('/?a="', headers={"Sec-Fetch-Site": "same-origin"})
        assert ours.status_code == 401, "it leads there once"


@asynchronous
async def test_ten_wrong_tokens_have_to_wait_a_minute(scheduler: Scheduler) -> None:
    clock = Clock()
    async with visitor(scheduler, FileKey(TOKEN), clock=clock, client=("10.0.0.1", 5)) as attacker:
        codes = [
            (await attacker.post("/sign-in", data={"token": str(number)}, headers=OWN)).status_code
            for number in range(12)
        ]
        assert codes == [401] * 10 + [429] * 2
        right = await attacker.post("/sign-in", data={"token": TOKEN}, headers=OWN)
        assert (right.status_code, right.headers["retry-after"]) == (429, "60")
        as_program = await attacker.get("/overview.json", headers={"Authorization": f"Bearer {TOKEN}"})
        assert as_program.status_code == 429
        clock.now += WINDOW_SECONDS
        assert (await attacker.post("/sign-in", data={"token": TOKEN}, headers=OWN)).status_code == 303


def test_nobody_keeps_the_owner_out_from_elsewhere() -> None:
    clock = Clock()
    tries = Tries(clock)
    for number in range(30):
        tries.note("10.0.0.1")
        tries.note(f"2001:db8::{number:x}")
    assert [tries.must_wait(each) for each in ("10.0.0.1", "::ffff:10.0.0.1", "2001:db8::ffff", "fe80::1%eth0")] == [
        *(True, True, True, False),
    ]
    assert not any(tries.must_wait(each) for each in ("10.0.0.2", "2001:db8:0:1::1", "", "unix"))
    for number in range(10_000):
        tries.note(f"10.1.{number // 256}.{number % 256}")
    assert len(tries._wrong) == 10_000
    assert not tries.must_wait("10.0.0.1")


def test_sessions_end() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    first = sessions.open()
    assert sessions.is_open(first)
    assert not sessions.is_open(None)
    assert first.encode() not in sessions._ends
    clock.now += LIFETIME_SECONDS
    assert not sessions.is_open(first)
    names = [sessions.open() for _ in range(1_001)]
    assert len(sessions._ends) == 1_000
    assert [sessions.is_open(each) for each in (names[0], names[1], names[-1])] == [False, True, True]


# The file


@pytest.mark.parametrize(
    ("mode", "text", "outcome"),
    [
        (0o600, TOKEN + "\nanother line", "opens"),
        (0o400, f"  {TOKEN}\r\n", "opens"),
        (0o640, TOKEN, "warned"),
        (0o604, TOKEN, "everybody"),
        (0o600, "battery", "at least 16"),
        (0o600, "", "at least 16"),
        (0o600, "\xff" * 20, "not UTF-8"),
    ],
)
def test_token_files(tmp_path: Path, mode: int, text: str, outcome: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(text.encode("latin-1"))
    file.chmod(mode)
    warnings: list[str] = []
    if outcome in {"opens", "warned"}:
        key = read_key(file, warnings.append)
        assert key.opens(TOKEN)
        assert not key.opens(TOKEN + " ")
        assert bool(warnings) is (outcome == "warned")
        return
    with pytest.raises(Ended, match=outcome) as raised:
        read_key(file, warnings.append)
    assert (raised.value.code == REFUSED) is (outcome == "everybody")
    assert "battery" not in raised.value.message.removeprefix(f"--token-file {file}"), "the token is not told"


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Ended, match=r"--token-file .*: No such file"):
        read_key(tmp_path / "gone", print)


# The place


def test_places() -> None:
    assert place_at("127.0.0.1", 1).is_loopback
    assert place_at("localhost", 1).is_loopback
    here, everywhere = place_at("::1", 1), place_at("0.0.0.0", 1)
    assert (here.host, here.is_loopback) == ("[::1]", True)
    assert (everywhere.is_loopback, everywhere.is_everywhere) == (False, True)
    assert socket.gethostname() in everywhere.names
    assert "0.0.0.0" not in everywhere.names
    for host in ("", "a b", "x" * 300):
        with pytest.raises(Ended, match="--host"):
            place_at(host, 1)


@pytest.mark.parametrize("root", ["a", "/a//b", "//evil", "/a/../b", "/a/..", "/a?b", "/a b", "/ops/tasks", "/static"])
def test_roots_that_cannot_be(root: str) -> None:
    with pytest.raises(Ended, match="--root-path"):
        checked_root(root, {"tasks", "static"})


def test_roots() -> None:
    assert [checked_root(each, {"tasks"}) for each in ("", "/", "/a/b/", "/tasks/x")] == ["", "", "/a/b", "/tasks/x"]


# A browser


def test_the_link_is_in_no_list_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    said: list[str] = []

    def open_browser(url: str) -> bool:
        opened.append(url)
        return False

    monkeypatch.setattr("webbrowser.open", open_browser)
    with Opening(said.append) as opening:
        opening.open_once("http://127.0.0.1/?token=secret&a")
        opening.open_once("http://127.0.0.1/?token=another")
        until_outside(lambda: said, 60)
        (url,) = opened
        file = Path(url.removeprefix("file://"))
        assert "secret" not in url
        assert 'content="0; url=http://127.0.0.1/?token=secret&amp;a"' in file.read_text()
        assert file.parent.stat().st_mode & 0o077 == 0
    assert not file.exists()
    assert "by hand" in said[0]
