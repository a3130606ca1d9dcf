"""Bugs of the door of a dashboard that stands alone: links, and the comparing of tokens."""

from typing import Final

from .planted import Planted, tests_in

_LINKS: Final = "dashboard/test_links"

ALL: Final = (
    Planted(
        "a picture on another page uses a link",
        "dashboard/alone/door.py",
        ' and headers.get("sec-fetch-dest", "document") == "document"',
        "",
        tests_in(_LINKS, "test_pictures_on_other_pages_do_not_keep_the_reader_out"),
    ),
    Planted(
        "windows that other pages open keep the owner out",
        "dashboard/alone/door.py",
        "        if is_counted:\n",
        "        if True:\n",
        tests_in(_LINKS, "test_windows_that_other_pages_open_do_not_keep_the_reader_out"),
    ),
    Planted(
        "a preview of a link uses it up",
        "dashboard/alone/door.py",
        'return request.method == "GET" and not is_early and',
        "return not is_early and",
        tests_in(_LINKS, "test_what_only_looks_at_a_link_does_not_use_it_up"),
    ),
    Planted(
        "a link that is fetched in advance is used up",
        "dashboard/alone/door.py",
        'is_early = "sec-purpose" in headers or any(',
        'is_early = "sec-purpose" in headers and any(',
        tests_in(_LINKS, "test_what_only_looks_at_a_link_does_not_use_it_up"),
    ),
    Planted(
        "the token of a file works in a URL",
        "dashboard/alone/door.py",
        "        if self._key.is_lasting:\n            if wants_json(request):\n",
        "        if False:\n            if wants_json(request):\n",
        tests_in(_LINKS, "test_the_token_of_a_file_is_not_taken_from_a_url"),
    ),
    Planted(
        "a page stands at a URL with a token that lasts",
        "dashboard/alone/door.py",
        "            if wants_json(request):\n                return self._page(request, 401, _NO_URL)\n",
        "            if True:\n                return self._page(request, 401, _NO_URL)\n",
        tests_in(_LINKS, "test_no_page_stands_at_a_url_with_a_token_that_lasts"),
    ),
    Planted(
        "the comparing of a token takes longer the more of it is right",
        "dashboard/alone/keys.py",
        "return hmac.compare_digest(_digest(token), self._digest)",
        "return _digest(token) == self._digest",
        tests_in(_LINKS, "test_tokens_are_compared_in_constant_time"),
    ),
)
