"""Bugs of the scripts and styles of the dashboard, which a real browser finds."""

from typing import Final

from .planted import Planted, tests_in

_OVER: Final = "dashboard/browser/test_over"

ALL: Final = (
    Planted(
        "things move for who wants less motion",
        "dashboard/static/dashboard.css",
        "@media (prefers-reduced-motion: reduce)",
        "@media (prefers-reduced-motion: no-preference)",
        tests_in("dashboard/browser/test_bare_pages", "test_who_wants_less_motion_has_none"),
    ),
    Planted(
        "an open page does not notice that its session ended",
        "dashboard/static/asking.js",
        'if (answer.type !== "opaqueredirect" && !OVER.has(answer.status)) return answer;',
        "if (!OVER.has(answer.status)) return answer;",
        tests_in(_OVER, "test_a_session_that_ends_leads_to_the_sign_in"),
    ),
    Planted(
        "an open page does not notice that its task is gone",
        "dashboard/static/asking.js",
        "new Set([401, 403, 404])",
        "new Set([401, 403])",
        tests_in(_OVER, "test_a_task_that_is_gone_is_said_to_be"),
    ),
    Planted(
        "a sign-in takes the place of what an open page shows",
        "dashboard/static/asking.js",
        'if (page.querySelector("main#main[data-refresh]") && page.getElementById("read")) return page;',
        "if (page) return page;",
        tests_in(_OVER, "test_a_sign_in_in_the_place_of_a_page_is_shown_as_a_whole"),
    ),
    Planted(
        "the moment since which a page is stale has no zone",
        "dashboard/static/moments.js",
        "${inZone.format(moment).slice(11)} ${zoneAt(moment)}`",
        "${inZone.format(moment).slice(11)}`",
        tests_in("dashboard/test_refreshing", "test_a_page_that_cannot_be_read_says_since_when"),
    ),
)
