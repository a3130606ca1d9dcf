"""Bugs of the dashboard's front: who is answered, who may change something, and what many readers cost."""

from typing import Final

from .planted import Planted, tests_in

_ATTACKS: Final = "dashboard/test_attacks"
_GUARDS: Final = "dashboard/test_guards"
_GUESTS: Final = "dashboard/test_guests"
_SERVING: Final = "dashboard/test_serving"
_SHARING: Final = "dashboard/test_sharing"
_SIGNING_IN: Final = "dashboard/test_signing_in"

ALL: Final = (
    Planted(
        "a form of another site is carried out",
        "dashboard/guard/origins.py",
        'return site == "same-origin"',
        'return site in {"same-origin", "cross-site"}',
        tests_in(_GUARDS, "test_forms_of_others_change_nothing"),
    ),
    Planted(
        "a form of another port is carried out",
        "dashboard/guard/origins.py",
        "its = (parts.hostname, parts.port or _PORTS.get(parts.scheme))",
        "its = (parts.hostname, own[1])",
        tests_in(_GUARDS, "test_own_origins"),
    ),
    Planted(
        "an action needs no level",
        "dashboard/serving.py",
        "return self._handler(action.level, act, as_json=None)",
        'return self._handler("read", act, as_json=None)',
        tests_in(_GUARDS, "test_an_action_needs_its_level"),
    ),
    Planted(
        "any name of a host is answered that has a known one in it",
        "dashboard/guard/hosts.py",
        "return None if found is None else found",
        "return None if found is None else 'dashboard.test' if 'dashboard.test' in found[0] else found",
        tests_in(_GUARDS, "test_only_known_names_are_answered"),
    ),
    Planted(
        "errors have no headers",
        "dashboard/guard/headers.py",
        '            if message["type"] == "http.response.start":',
        '            if message["type"] == "http.response.start" and message["status"] < 400:',
        tests_in(_GUARDS, "test_an_error_of_a_page_has_the_headers_too"),
    ),
    Planted(
        "an action sends its reader to another host",
        "dashboard/returning.py",
        'is_inside = back is not None and back.startswith(f"{root}/") and _BACK.fullmatch(back[len(root) :])',
        'is_inside = back is not None and back.startswith(f"{root}/")',
        tests_in(_GUARDS, "test_nobody_is_sent_elsewhere"),
    ),
    Planted(
        "an error nobody foresaw is shown",
        "dashboard/problems.py",
        "            found = _UNEXPECTED\n",
        "            found = Problem(500, str(error), is_unexpected=True)\n",
        tests_in(_GUARDS, "test_an_action_that_breaks_tells_nothing"),
    ),
    Planted(
        "each reader costs a reading",
        "dashboard/sharing.py",
        "        if reading is None or reading.is_over(self._seconds):",
        "        if True:",
        tests_in(_SHARING, "test_a_hundred_readers_cost_as_much_as_one"),
    ),
    Planted(
        "a reading ends with who asked first",
        "dashboard/sharing.py",
        "return await asyncio.shield(self._task)",
        "return await self._task",
        tests_in(_SHARING, "test_who_is_cancelled_harms_nobody_else"),
    ),
    Planted(
        "a tab that refreshes itself takes the words of another one",
        "dashboard/returning.py",
        '    if request.headers.get("sec-fetch-mode", "navigate") != "navigate":\n        return None\n',
        "",
        tests_in(_SERVING, "test_the_words_are_shown_once"),
    ),
    Planted(
        "actions are told under the name of the process",
        "dashboard/serving.py",
        '            with acting_as(await answer_of(lambda: actor_of(self._actor, request), "actor")):',
        '            if await answer_of(lambda: actor_of(self._actor, request), "actor"):',
        tests_in(_SERVING, "test_actions_are_told_under_the_name_of_who_asked"),
    ),
    Planted(
        "a link works again and again",
        "dashboard/alone/keys.py",
        "        if is_right:\n            self._renew()\n",
        "",
        tests_in(_SIGNING_IN, "test_a_link_works_once"),
    ),
    Planted(
        "wrong tokens are not counted",
        "dashboard/alone/door.py",
        "        self._tries.note(address)\n",
        "",
        tests_in(_SIGNING_IN, "test_ten_wrong_tokens_have_to_wait_a_minute"),
    ),
    Planted(
        "a session goes on after signing out",
        "dashboard/alone/door.py",
        "        self._sessions.close(request.cookies.get(self._cookie))\n",
        "",
        tests_in(_SIGNING_IN, "test_signing_in_by_a_form_and_out"),
    ),
    Planted(
        "others than this machine get in without a token",
        "dashboard/alone/serving.py",
        "    if not place.is_loopback and plan.token_file is None:",
        "    if False:",
        tests_in("cli/test_dashboard", "test_what_would_not_be_safe_is_refused"),
    ),
    Planted(
        "a path that a proxy has cut is not known",
        "dashboard/guard/roots.py",
        "    for start in range(len(names)):",
        "    for start in range(min(1, len(names))):",
        tests_in("dashboard/test_mounting", "test_paths_inside"),
    ),
    Planted(
        "a link elsewhere leads over the dashboard to another host",
        "dashboard/alone/door.py",
        'here = checked_back(url_of(request, without="token"), root)',
        'here = url_of(request, without="token")',
        tests_in(_ATTACKS, "test_a_link_elsewhere_does_not_lead_on_to_another_host"),
    ),
    Planted(
        "a header fills the memory with what is no address",
        "dashboard/alone/tries.py",
        '        return ""\n',
        "        return address\n",
        tests_in(_ATTACKS, "test_addresses_that_are_none_take_no_memory"),
    ),
    Planted(
        "who operates revives any number of tasks",
        "dashboard/actions/dead.py",
        "    if len(ids) > _MOST_CHOSEN:",
        "    if False:",
        tests_in(_ATTACKS, "test_who_operates_revives_no_more_than_a_page_shows"),
    ),
    Planted(
        "readers share what the first of them may see",
        "dashboard/sharing.py",
        ", context=Context())",
        ")",
        tests_in(_ATTACKS, "test_a_payload_for_one_reader_is_not_shared_with_others"),
    ),
    Planted(
        "odd values of a URL are read for anew",
        "dashboard/serving.py",
        "for name in page.asks if name in look.query}",
        "for name in look.query}",
        tests_in(_ATTACKS, "test_odd_values_of_the_url_read_nothing_anew"),
    ),
    Planted(
        "a function of the application ends the process by a request",
        "dashboard/guard/guests.py",
        "    except BaseException as error:  # noqa: BLE001 - it is raised to who asks\n",
        "    except Exception as error:\n",
        tests_in(_GUESTS, "test_what_says_no_level_shows_nothing"),
    ),
    Planted(
        "a function goes on for a request that is cancelled",
        "dashboard/guard/guests.py",
        "        asking.cancel()  #",
        "        pass  #",
        tests_in(_GUESTS, "test_a_request_that_is_cancelled_ends"),
    ),
    Planted(
        "a function holds up a request by holding up its cancellation",
        "dashboard/guard/guests.py",
        "        await asyncio.wait({asking}, timeout=_LONGEST_ASKING_SECONDS)\n",
        "        await asyncio.wait_for(asking, _LONGEST_ASKING_SECONDS)\n",
        tests_in(_GUESTS, "test_what_holds_up_its_cancellation_holds_up_no_request"),
    ),
    Planted(
        "a header of anybody on the machine is believed",
        "dashboard/alone/serving.py",
        "        proxy_headers=bool(os.environ.get(_PROXIES)),\n",
        "",
        tests_in("cli/test_dashboard", "test_headers_of_no_proxy_are_not_believed"),
    ),
)
