"""Bugs by which the tokens of a group wait behind others, or are lost with runs that did not start."""

from typing import Final

from .planted import Planted, lua, tests_in

_TOKENS: Final = "scripts/test_group_tokens"
_AHEAD: Final = tests_in(_TOKENS, "test_a_token_is_used_by_the_claim_that_finds_it_ahead_of_what_is_due_later")
_UNSTARTED: Final = tests_in(_TOKENS, "test_a_run_that_did_not_start_gives_its_token_back")
_SKIPPED: Final = tests_in("semantics/test_unstarted_tokens", "test_what_is_skipped_leaves_the_tokens_to_what_runs")

ALL: Final = (
    lua(
        "a task with a token waits behind all that is due",
        "_groups",
        "is_rated and digits(read_parked(found_members[n])) or since",
        "since",
        _AHEAD,
    ),
    lua(
        "a task of a bounded group without a rate goes ahead of the line",
        "_groups",
        "is_rated and digits(read_parked(found_members[n])) or since",
        "digits(read_parked(found_members[n]))",
        tests_in("scripts/test_groups", "test_a_group_with_a_backlog_waits_its_turn"),
    ),
    *(
        lua(
            f"a token is found by one claim and used by the next, {how}",
            script,
            "use_refill(groups_key, limits, now, due_key)\n",
            "",
            _AHEAD,
        )
        for script, how in (("claim", "at least once"), ("claim_once", "at most once"))
    ),
    lua(
        "a repeated claim keeps the tokens of the group of what it hands back",
        "claim",
        "      limits.quotas.give_tokens_back(groups_key, too_heavy, now)\n",
        "",
        tests_in(_TOKENS, "test_what_a_repeated_claim_hands_back_gives_its_tokens_back"),
    ),
    lua(
        "a repeated claim keeps the tokens of the namespace of what it hands back",
        "claim",
        "      pay(limits, groups_key, -#too_heavy, now)\n",
        "",
        tests_in(_TOKENS, "test_what_a_repeated_claim_hands_back_gives_its_tokens_back"),
    ),
    lua(
        "what is set aside by a claim takes a token of its group",
        "claim_once",
        "        limits.quotas.spend(sorted.touched.buckets[group], -1)\n",
        "",
        tests_in(_TOKENS, "test_what_is_set_aside_by_a_claim_takes_no_token"),
    ),
    *(
        lua(
            f"a run that did not start keeps the token of its group, by {script}",
            script,
            f"  give_back_unstarted(groups_key, {which}, now)\n",
            "",
            _UNSTARTED,
        )
        for script, which in (("complete", "unstarted"), ("fail", "unstarted"), ("quarantine", "ended"))
    ),
    Planted(
        "nobody tells that a skipped run did not start",
        "execution/outcome.py",
        '        header += b";~-"\n',
        "        pass\n",
        _SKIPPED,
    ),
    Planted(
        "a skipped run keeps the token of the namespace",
        "execution/runs.py",
        "            self._give_up_token(run)\n            if run.is_leased:",
        "            if run.is_leased:",
        _SKIPPED,
    ),
    Planted(
        "nobody looks again for the token of a run that did not start",
        "storage/tokens.py",
        "            self._master.announce(0)\n",
        "",
        _SKIPPED,
    ),
    Planted(
        "a run that is cut short while it is told has started",
        "execution/runner.py",
        "                return True\n            self._runs.hand_back(run)\n",
        "                return True\n            self._runs.hand_back(run, has_started=True)\n",
        tests_in("unit/test_runner_told", "test_one_that_is_cut_short_while_it_is_told_has_not_started"),
    ),
    Planted(
        "a batch that is cut short while it is told has started",
        "execution/batches.py",
        "        for run in back:\n            self._runs.hand_back(run)\n",
        "        for run in back:\n            self._runs.hand_back(run, has_started=run.cut_short is not None)\n",
        tests_in("unit/test_batches", "test_a_drain_while_it_is_told_hands_it_back"),
    ),
    Planted(
        "a batch that was cut short has not started",
        "execution/batches.py",
        "            else:\n                self._runs.hand_back(run, has_started=True)\n        self._finish(ended)",
        "            else:\n                self._runs.hand_back(run)\n        self._finish(ended)",
        tests_in("unit/test_batches", "test_when_all_leases_are_lost_it_is_cancelled"),
    ),
    lua(
        "what was damaged on its way leaves its first letters as an error",
        "move_in",
        "      record = packed,\n",
        "      record = string.sub(packed, 5),\n",
        tests_in("scripts/test_move_damage", "test_what_was_damaged_on_its_way_is_kept_as_a_whole"),
    ),
    Planted(
        "a claim forgets that it was told meanwhile to look again",
        "execution/poller.py",
        "            if self._next_claim_ms != 0:",
        "            if True:",
        tests_in("semantics/test_unstarted_tokens", "test_what_is_skipped_leaves_the_tokens_to_what_runs"),
    ),
)
