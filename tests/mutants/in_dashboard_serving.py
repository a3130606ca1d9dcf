"""Bugs of what is served: whom a form reaches, what looking at a queue does to it, what many readers share."""

from typing import Final

from .planted import Planted, tests_in

_QUEUES: Final = "dashboard/test_queues"
_HEALTH: Final = "dashboard/test_health_and_log"

ALL: Final = (
    Planted(
        "an open page of health examines the servers each time",
        "dashboard/pages/health.py",
        "await look.kept.the(HealthOfServers).of(look)",
        "await look.scheduler.check_health()",
        tests_in(_HEALTH, "test_the_overview_and_the_page_of_health_ask_the_servers_once"),
    ),
    Planted(
        "an open page is made anew each time that it asks",
        "dashboard/serving.py",
        "            if seen.html is None:",
        "            if True:",
        tests_in("dashboard/test_rendering", "test_many_open_pages_are_made_once"),
    ),
    Planted(
        "what is said to one reader is shown to all",
        "dashboard/serving.py",
        "response = self._answers.html(seen.look, page, seen.view, said=shown).answer()",
        "seen.html = self._answers.html(seen.look, page, seen.view, said=shown)\n"
        "                response = seen.html.answer()",
        tests_in("dashboard/test_rendering", "test_the_words_after_an_action_are_shown_to_who_acted_alone"),
    ),
    Planted(
        "a form reaches another queue than its URL",
        "dashboard/serving.py",
        'if form.get("queue", "") not in {"", look.queue}:',
        'if (look := await self._for_queue(look, form.get("queue") or look.queue, sees_all=True)) is None:',
        tests_in(_QUEUES, "test_a_form_reaches_no_other_queue_than_its_url"),
    ),
    Planted(
        "a URL may name two queues",
        "dashboard/serving.py",
        "    if len(named) > 1:",
        "    if False:",
        tests_in(_QUEUES, "test_a_form_reaches_no_other_queue_than_its_url"),
    ),
    Planted(
        "an empty name of a queue opens the namespace",
        "dashboard/serving.py",
        "    return named[0] if named else None\n",
        "    return named[0] if named and named[0] else None\n",
        tests_in(_QUEUES, "test_an_empty_name_opens_no_namespace_to_who_may_see_a_queue"),
    ),
    Planted(
        "an action at an empty name of a queue is one of the namespace",
        "dashboard/serving.py",
        '    if named == [""] and request.method == "POST":\n',
        '    if named == [""] and request.method == "PUT":\n',
        tests_in(_QUEUES, "test_an_empty_name_opens_no_namespace_to_who_may_see_a_queue"),
    ),
    Planted(
        "who may see one queue is told the names of all",
        "dashboard/serving.py",
        "self._known_queues if sees_all else ()\n        return Look(",
        "self._known_queues\n        return Look(",
        tests_in(_QUEUES, "test_who_may_see_one_queue_is_not_told_the_names_of_others"),
    ),
    Planted(
        "a page with the names of all queues is shared with who may not see them",
        "dashboard/serving.py",
        "look.queue, bool(look.queues), look.level",
        "look.queue, look.level",
        tests_in(_QUEUES, "test_who_may_see_one_queue_is_not_told_the_names_of_others"),
    ),
    Planted(
        "a form that could not begin is said to be in doubt",
        "dashboard/actions/saving.py",
        "                raise NotSaved(error) from error\n",
        "                raise\n",
        tests_in("dashboard/test_at_once", "test_without_the_master_nothing_is_saved_and_that_is_said"),
    ),
    Planted(
        "the page of health tells what was found before a repair",
        "dashboard/actions/audit.py",
        ", at_end=look.kept.the(HealthOfServers).forget)",
        ")",
        tests_in(_HEALTH, "test_health_says_when_the_servers_were_examined"),
    ),
    Planted(
        "who cannot stop an audit is told to stop it",
        "dashboard/actions/audit.py",
        "    if audits.last_of(look.queue) is None:",
        "    if audits.last is None:",
        tests_in(_HEALTH, "test_who_cannot_stop_an_audit_is_not_told_to"),
    ),
    Planted(
        "a form does not say its queue in its URL",
        "dashboard/templates/overview.html",
        "{{ look.url('do/pause-all') }}",
        "{{ look.root }}/do/pause-all",
        tests_in(_QUEUES, "test_each_form_names_its_queue_in_its_url"),
    ),
    Planted(
        "who looks at the overview asks for all queues",
        "dashboard/queue_rows.py",
        "queue_of(look.scheduler, name).overview()",
        "look.scheduler.queue(name).overview()",
        tests_in(_QUEUES, "test_who_looks_at_a_queue_does_not_ask_for_it"),
    ),
    Planted(
        "a queue that is only looked at accepts no tasks",
        "facade/family.py",
        "            if self.root.assigning.accepting and not seen.assigning.accepting:",
        "            if False:",
        tests_in(_QUEUES, "test_who_looks_at_a_queue_does_not_ask_for_it"),
    ),
    Planted(
        "an audit of one queue is shown to those of another",
        "dashboard/auditing.py",
        "if self.last is not None and queue in {None, self.last.queue} else None",
        "",
        tests_in(_HEALTH, "test_one_audit_at_a_time_which_can_be_stopped"),
    ),
)
