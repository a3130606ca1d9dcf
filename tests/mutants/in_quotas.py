"""Bugs by which a rate or a bound is exceeded, wasted, or holds up what it does not concern."""

from typing import Final

from .planted import Planted, lua, tests_in

_MODEL: Final = tests_in("scripts/test_quota_model", "test_claims_do_what_the_model_does[memory]")
_SEMANTICS: Final = "semantics/test_quotas"
_ON_PARTITIONS: Final = tests_in(_SEMANTICS, "test_a_rate_holds_over_all_partitions_and_goes_where_the_tasks_are")

ALL: Final = (
    lua(
        "a rate allows one start too many",
        "_limits",
        "limits.most = math.min(wanted, limits.tokens)",
        "limits.most = math.min(wanted, limits.tokens + 1)",
        _MODEL,
    ),
    lua(
        "a start costs no token",
        "_limits",
        "limits.quotas.spend(limits.bucket, count)",
        "limits.quotas.spend(limits.bucket, 0)",
        _MODEL,
    ),
    lua(
        "a bucket overflows",
        "_quotas",
        "return math.min(full, level + math.max(0, now - since) * rate.count)",
        "return level + math.max(0, now - since) * rate.count",
        _MODEL,
    ),
    lua(
        "a bucket forgets the parts of a token",
        "_quotas",
        "digits(bucket.level)",
        "digits(math.floor(bucket.level / bucket.rate.per) * bucket.rate.per)",
        _MODEL,
    ),
    lua(
        "another rate fills the bucket",
        "put_quotas",
        "~= text .. ' ' and quotas.bucket_text(quotas.bucket_of(rate, stored, now), now)",
        "~= '' and quotas.bucket_text(quotas.bucket_of(rate, nil, now), now)",
        _MODEL,
    ),
    lua(
        "a group without tokens runs",
        "_room",
        "bucket and limits.quotas.tokens_in(bucket) < 1)",
        "false)",
        _MODEL,
    ),
    lua(
        "the token of a group is not kept",
        "claim",
        "  keep_buckets(groups_key, limits, sorted.touched, now)\n",
        "",
        _MODEL,
    ),
    lua(
        "a group that waits for tokens is forgotten",
        "_room",
        "    call('ZADD', refill, unpack(later))\n",
        "",
        _MODEL,
    ),
    lua(
        "a run that ends gives a turn although there is no token",
        "_groups",
        "wanted, is_noted = math.min(wanted, tokens), is_noted or is_new",
        "wanted, is_noted = wanted, is_noted or is_new",
        _MODEL,
    ),
    lua(
        "schedulers look for the tokens of a group again and again",
        "_room",
        "    call('ZREM', refill, unpack(over))\n",
        "",
        _MODEL,
    ),
    lua(
        "a scheduler sleeps although a group has tokens",
        "_limits",
        "    moment = math.min(moment or refill, refill)\n",
        "",
        _MODEL,
    ),
    lua(
        "the option of a scheduler goes before what is kept in Redis",
        "_limits",
        "  if bound then -- what is kept here holds for all schedulers",
        "  if false then",
        _MODEL,
    ),
    lua(
        "the token of a run that did not start is lost for its group",
        "release",
        "  quota_functions().give_tokens_back(groups_key, unstarted, now)\n",
        "",
        _MODEL,
    ),
    lua(
        "a changed rate leaves groups waiting for the old one",
        "put_quotas",
        "  call('ZADD', groups_key .. 'room', unpack(notes))\n",
        "",
        _MODEL,
    ),
    lua(
        "an older change replaces a newer one",
        "put_quotas",
        "stored >= tonumber(revision_arg) or ",
        "",
        _MODEL,
    ),
    lua(
        "a wider bound is noticed when a run ends",
        "note_backlogs",
        "call('ZADD', groups_key .. 'room', unpack(notes))",
        "call('EXISTS', groups_key .. 'room')",
        tests_in(_SEMANTICS, "test_a_bound_is_changed_while_long_runs_go_on"),
    ),
    Planted(
        "a poller looks for tokens whenever something is due",
        "execution/poller.py",
        "max(self._local(self._next_claim_ms), earliest, self._tokens_from)",
        "max(self._local(self._next_claim_ms), earliest)",
        tests_in(_SEMANTICS, "test_a_scheduler_that_waits_for_tokens_asks_no_more_than_needed"),
    ),
    Planted(
        "a poller does not hear that a rate was changed",
        "execution/poller.py",
        "                self._tokens_from = -math.inf\n",
        "",
        tests_in(_SEMANTICS, "test_a_scheduler_that_waits_for_tokens_asks_no_more_than_needed"),
    ),
    Planted(
        "each partition has a bucket of its own",
        "execution/execution.py",
        "len(partitions) > 1",
        "len(partitions) > 9",
        _ON_PARTITIONS,
    ),
    Planted(
        "tokens that a claim did not use are lost",
        "storage/tokens.py",
        "            self._unused += tokens\n",
        "",
        tests_in("unit/test_tokens", "test_what_is_put_back_goes_to_those_who_wait"),
    ),
    Planted(
        "who comes first in line takes all tokens",
        "storage/tokens.py",
        "share = max(1, tokens // len(open_ones))",
        "share = tokens",
        tests_in("unit/test_tokens", "test_those_who_wait_have_equal_shares"),
    ),
    Planted(
        "tokens are used however old they are",
        "storage/claims.py",
        "self.sent_at > self._tokens_from + USABLE_SECONDS",
        "self.sent_at > self._tokens_from + 1000",
        tests_in("unit/test_tokens", "test_an_old_token_is_put_back"),
    ),
    Planted(
        "a task of a bounded group lives anywhere",
        "storage/partition/group_tags.py",
        "task.policy.group is not None and tag_of(task.id) is None",
        "False",
        tests_in(_SEMANTICS, "test_a_task_of_a_bounded_group_needs_a_tag_on_several_partitions"),
    ),
    Planted(
        "a partition that comes online does not learn of the quotas",
        "storage/topology/quota_copies.py",
        "        if held.revision:\n            await quotas.put(_Once",
        "        if held.revision < 0:\n            await quotas.put(_Once",
        tests_in(_SEMANTICS, "test_a_partition_is_told_of_a_rate_when_it_comes"),
    ),
    Planted(
        "a run that did not start keeps its token",
        "execution/runs.py",
        "        if run.is_rated and not has_started:\n            self._put_back(1)\n",
        "",
        tests_in("unit/test_tokens", "test_a_run_that_did_not_start_puts_its_token_back"),
    ),
)
