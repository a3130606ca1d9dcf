"""Bugs by which a value that somebody else wrote into Redis stops more than its own task."""

from typing import Final

from .planted import Planted, lua, tests_in

_GARBAGE: Final = "scripts/test_garbage"

ALL: Final = (
    Planted(
        "words of any length are taken for due times",
        "model/wire.py",
        "len(raw) > MAX_DIGITS or not raw.isdigit()",
        "not raw.isdigit()",
        tests_in("faults/test_publish", "test_words_of_any_form"),
    ),
    Planted(
        "forged announcements make a scheduler look without a pause",
        "execution/poller.py",
        "earliest = began if self._load.is_misled else -math.inf",
        "earliest = -math.inf",
        tests_in("faults/test_publish", "test_a_flood_of_forged_announcements"),
    ),
    Planted(
        "forged announcements of hints are all looked into",
        "storage/topology/hint_replay.py",
        # Text of the package, not a wait of the tests.
        "            await anyio.sleep(_PAUSE_SECONDS)",
        "            # await anyio.sleep(_PAUSE_SECONDS)",
        tests_in("faults/test_publish", "test_a_flood_of_forged_announcements"),
    ),
    lua(
        "a last token that is no number ends all claims",
        "_prelude",
        "return whole(token) and token or '0'",
        "return token or '0'",
        tests_in(_GARBAGE, "test_the_last_token"),
    ),
    lua(
        "a count that is no number ends the script for all",
        "_checks",
        "local sum = redis.pcall('HINCRBY', key, field, number)",
        "local sum = call('HINCRBY', key, field, number)",
        tests_in(_GARBAGE, "test_a_count_of_a_group"),
    ),
    lua(
        "a number of 400 digits becomes a moment in the distant past",
        "_checks",
        "text and #text <= 16 and",
        "text and",
        tests_in(_GARBAGE, "test_a_lease", "test_the_last_token"),
    ),
    lua(
        "an interval of 400 digits makes a task run without end",
        "claim_once",
        "elseif interval and #interval <= 15 and #phase <= 15 then",
        "elseif interval then",
        tests_in(_GARBAGE, "test_numbers_of_a_header"),
    ),
    lua(
        "an id that is no UTF-8 runs at most once",
        "claim_once",
        "local any_odd = not are_plain(candidates)",
        "local any_odd = false",
        tests_in(_GARBAGE, "test_ids"),
    ),
    Planted(
        "an id that is no UTF-8 runs at least once",
        "storage/commands/running.py",
        "    if not is_id(raw_id, MAX_ID_BYTES):",
        "    if not raw_id:",
        tests_in(_GARBAGE, "test_ids"),
    ),
    lua(
        "a due time that is no moment makes a lease that nobody can end",
        "_recurrence",
        "'^(%d+ (%S+)) ?(k?s?%d*)(p?)([xh]?)$'",
        "'^(%d+ (%d+)) ?(k?s?%d*)(p?)([xh]?)$'",
        tests_in(_GARBAGE, "test_a_due_time_that_is_no_moment"),
    ),
    lua(
        "a reply that cannot be read ends its session for good",
        "_checks",
        "  call('DEL', reply_key)\n",
        "",
        tests_in(_GARBAGE, "test_a_reply"),
    ),
    lua(
        "an epoch that is no number makes schedulers leave for good",
        "_requests",
        "if not whole(epoch) or born ~=",
        "if born ~=",
        tests_in("scripts/test_epoch", "test_lost_data_are_noticed_and_nothing_changed"),
    ),
    lua(
        "a parked member that cannot be read stops its group",
        "_groups",
        "odd[#odd + 1] = not id and member or nil",
        "",
        tests_in(_GARBAGE, "test_parked_tasks"),
    ),
    lua(
        "a rule that the scheduler refuses is tried again and again",
        "claim_once",
        "(match(policy, ';[cnrgoh]') or is_refused(policy))",
        "match(policy, ';[cnrgoh]')",
        tests_in(_GARBAGE, "test_rules_that_the_scheduler_refuses"),
    ),
)
