"""Links with a token: who can use one up, who is kept out by wrong ones, and which tokens work in a URL at all."""

from __future__ import annotations

import hmac

import pytest

from interval_scheduler import Scheduler
from interval_scheduler.dashboard.alone.keys import FileKey, Key, OneTimeKey
from tests.dashboard.acting import OWN
from tests.dashboard.test_signing_in import COOKIE, TOKEN, visitor

asynchronous = pytest.mark.asyncio
CROSS = {"Sec-Fetch-Site": "cross-site"}
TYPED = {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}


@asynchronous
async def test_pictures_on_other_pages_do_not_keep_the_reader_out(scheduler: Scheduler) -> None:
    shown: list[str] = []
    async with visitor(scheduler, OneTimeKey(shown.append)) as browser:
        for dest in ("image", "iframe", "empty", "script") * 5:
            refused = await browser.get("/?token=x", headers={**CROSS, "Sec-Fetch-Dest": dest})
            assert refused.status_code == 403
        in_picture = await browser.get(f"/?token={shown[0]}", headers={**CROSS, "Sec-Fetch-Dest": "image"})
        assert in_picture.status_code == 403
        assert (await browser.get(f"/?token={shown[0]}", headers=TYPED)).status_code == 303


@asynchronous
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_windows_that_other_pages_open_do_not_keep_the_reader_out(scheduler: Scheduler, site: str) -> None:
    shown: list[str] = []
    led = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    async with visitor(scheduler, OneTimeKey(shown.append)) as browser:
        for _ in range(12):
            assert (await browser.get("/?token=bad", headers=led)).status_code == 401
        assert (await browser.get(f"/?token={shown[0]}", headers=TYPED)).status_code == 303
        browser.cookies.clear()
        assert (await browser.get(f"/?token={shown[1]}", headers=led)).status_code == 303, "a link in a mail works too"


@asynchronous
async def test_what_only_looks_at_a_link_does_not_use_it_up(scheduler: Scheduler) -> None:
    shown: list[str] = []
    async with visitor(scheduler, OneTimeKey(shown.append)) as browser:
        link = f"/?token={shown[0]}"
        refused = [
            await browser.head(link),
            await browser.get(link, headers={**TYPED, "Sec-Purpose": "prefetch;prerender"}),
            *[
                await browser.get(link, headers={**TYPED, name: value})
                for name, value in (
                    ("Purpose", "prefetch"),
                    ("Purpose", "Prefetch"),
                    ("X-Moz", "prefetch"),
                    ("X-Purpose", "preview"),
                )
            ],
        ]
        assert [each.status_code for each in refused] == [403] * 6
        assert COOKIE not in browser.cookies
        assert len(shown) == 1
        assert (await browser.get(link, headers=TYPED)).status_code == 303


@asynchronous
async def test_the_token_of_a_file_is_not_taken_from_a_url(scheduler: Scheduler) -> None:
    async with visitor(scheduler, FileKey(TOKEN)) as browser:
        for _ in range(12):
            link = await browser.get("/tasks", params={"token": TOKEN, "q": "a"}, headers=TYPED)
            assert link.status_code == 303
            answer = await browser.get(link.headers["location"], headers=TYPED)
            assert answer.status_code == 401
            assert "set-cookie" not in {*link.headers, *answer.headers}
        assert TOKEN not in answer.text.replace("+", " ")
        assert 'name="back" value="/tasks?q=a"' in answer.text
        right = await browser.post("/sign-in", data={"token": TOKEN, "back": "/tasks?q=a"}, headers=OWN)
        assert (right.status_code, right.headers["location"]) == (303, "/tasks?q=a")
        clean = await browser.get("/tasks", params={"token": TOKEN, "q": "a"})
        assert (clean.status_code, clean.headers["location"]) == (303, "/tasks?q=a")


@asynchronous
@pytest.mark.parametrize("root", ["", "/a/b"])
async def test_no_page_stands_at_a_url_with_a_token_that_lasts(scheduler: Scheduler, root: str) -> None:
    """A browser names that URL as `Referer` when it asks for what stands on the page, and when it sends a form."""
    async with visitor(scheduler, FileKey(TOKEN), root=root) as browser:
        for method in ("GET", "HEAD"):
            link = await browser.request(method, f"{root}/tasks", params={"token": TOKEN, "q": "a"}, headers=TYPED)
            clean = link.headers["location"]
            assert (link.status_code, link.text) == (303, "")
            assert clean.startswith(f"{root}/sign-in?")
            assert not any(each in clean for each in ("token", TOKEN.split()[0]))
        led = await browser.get(clean, headers=CROSS)  # as a browser asks that was led here from a page elsewhere
        assert f'content="0; url={clean.replace("&", "&amp;")}"' in led.text
        page = await browser.get(clean, headers=OWN)
        assert page.status_code == 401
        assert "stays in histories and logs" in page.text
        assert f'name="back" value="{root}/tasks?q=a"' in page.text
        evil = await browser.get(f"{root}/sign-in?why=link&back=//evil.test/")
        assert f'name="back" value="{root}/"' in evil.text
        program = await browser.get(f"{root}/overview.json", params={"token": TOKEN})
        assert (program.status_code, list(program.json())) == (401, ["error"])
    shown: list[str] = []
    async with visitor(scheduler, OneTimeKey(shown.append), root=root) as browser:
        assert "Type it in" not in (await browser.get(f"{root}/sign-in?why=link")).text


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digests, so that their length tells nothing, by the call of Python that takes the same time for all."""
    lengths: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        lengths.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    shown: list[str] = []
    both: tuple[tuple[Key, str], ...] = ((FileKey(TOKEN), TOKEN), (OneTimeKey(shown.append), shown[0]))
    for key, token in both:
        for given, is_right in (("", False), (token[:-1], False), (token * 50, False), (token, True)):
            assert key.opens(given) is is_right
    assert lengths == [(32, 32)] * 8
