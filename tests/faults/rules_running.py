"""Rules of the machine: workers claim, and end what they claimed, also by leases they lost; requests come again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from redis.exceptions import ResponseError

from interval_scheduler.execution.missed import next_run
from interval_scheduler.model.ending import Failure
from interval_scheduler.model.past import Outcome
from interval_scheduler.storage.commands import running as running_commands
from interval_scheduler.storage.commands.running import Claimed
from interval_scheduler.storage.requests.session import Session
from tests.model import Leased, Model, Waiting, running
from tests.model.next_look import next_look
from tests.model.running import Failing, Run
from tests.scripts.store import HOUR, MINUTE, ClaimedTask, now_of

from . import choices
from .driving import Driven, comparable

LEASE = HOUR
#: The workers, and whether they deliver at most once.
WORKERS = {"one": False, "two": False, "three": True}


class Running(Driven):
    """What workers do."""

    def is_claimable(self) -> bool:
        moments = [place.at for _, _, place in self.model.at(Waiting)]
        moments += [place.until for _, _, place in self.model.at(Leased)]
        return min(moments, default=self.now + HOUR) < self.now + MINUTE

    def may_end(self) -> bool:
        """Whether a run is held, or it is time for one that is stale."""
        return bool(self.runs) and (self.any_at(Leased) or self.is_turn_of("stale"))

    def some_runs(self, numbers: list[int]) -> list[Run]:
        """Of all runs ever claimed, those still held and then the last ones first."""
        self.took_turn("stale", 8)
        leased = {(raw_id, place.token) for raw_id, _, place in self.model.at(Leased)}
        runs = [run for run in self.runs if (run.raw_id, run.token) in leased]
        runs += reversed(self.runs)
        return list(dict.fromkeys(runs[number % len(runs)] for number in numbers))

    # A rule for each worker, so that claims are not too seldom.

    @precondition(is_claimable)
    @rule(limit=choices.limits, room=choices.rooms, again=choices.twice)
    def one_claims(self, limit: int, room: int, *, again: bool) -> None:
        self.claim("one", limit, room, again=again)

    @precondition(is_claimable)
    @rule(limit=choices.limits, room=choices.rooms, again=choices.twice)
    def two_claims(self, limit: int, room: int, *, again: bool) -> None:
        self.claim("two", limit, room, again=again)

    @precondition(is_claimable)
    @rule(limit=choices.limits, room=choices.rooms, again=choices.twice)
    def three_claims_for_good(self, limit: int, room: int, *, again: bool) -> None:
        self.claim("three", limit, room, again=again)

    def claim(self, worker: str, limit: int, room: int, *, again: bool) -> None:
        once = WORKERS[worker]
        script = running_commands.claim_once if once else running_commands.claim

        def request(session: Session) -> Awaitable[Claimed]:
            return script(session, self.store.keys, limit, LEASE, room)

        def mirror(model: Model, claimed: Claimed, _: int) -> Any:
            now, token = now_of(claimed), int(claimed.token)
            last = model.fence or 0
            runs = running.claim(model, now, token, limit=limit, room=room, lease=LEASE, once=once)
            # Without taking anything, a claim tells the last token of anybody.
            assert token > last if (model.fence or 0) != last else token == last
            next_moment, waits = next_look(model, now, limit=limit, room=room)
            claims.append(runs)
            return claimed._replace(
                next_claim_ms=next_moment,
                waits_ms=waits,
                ids=[run.raw_id for run in runs],
                dues=[b"%d" % run.due for run in runs],
                records=[run.spec.record for run in runs],
                failed=[b"%d" % run.attempts if run.attempts else None for run in runs],
            )

        claims: list[list[Run]] = []
        self.step(lambda: self._claimed(worker, request, again=again), mirror)
        self.runs += claims[-1]

    async def _claimed(self, worker: str, request: Callable[[Session], Awaitable[Claimed]], *, again: bool) -> Claimed:
        claimed = await self.send(worker, request, again=again)
        return claimed._replace(failed=list(claimed.failed) or [None] * len(claimed.ids))

    @precondition(may_end)
    @rule(numbers=choices.picks, again=choices.twice)
    def complete(self, numbers: list[int], *, again: bool) -> None:
        self.end(numbers, ran=True, again=again)

    def end(self, numbers: list[int], *, ran: bool, again: bool) -> None:
        self.end_runs(self.some_runs(numbers), ran=ran, again=again)

    def end_runs(self, runs: list[Run], *, ran: bool, again: bool) -> None:
        held = [self.ending(run, ran=ran) for run in runs]

        async def act() -> Sequence[bool]:
            return (
                await self.send(
                    "complete", lambda it: running_commands.complete(it, self.store.keys, held), again=again
                )
            ).held

        self.step(
            act,
            lambda model, _, now: [running.complete(model, run, now, self.told(run), ran=ran) for run in runs],
        )

    @precondition(may_end)
    @rule(numbers=choices.picks, again=choices.twice)
    def fail_for_good(self, numbers: list[int], *, again: bool) -> None:
        self.fail(numbers, None, charge=True, again=again)

    @precondition(may_end)
    @rule(numbers=choices.picks, retry=choices.retries, charge=choices.twice, again=choices.twice)
    def fail_and_try_again(self, numbers: list[int], retry: int, *, charge: bool, again: bool) -> None:
        self.fail(numbers, retry, charge=charge, again=again)

    def fail(self, numbers: list[int], retry: int | None, *, charge: bool, again: bool) -> None:
        self.fail_runs(self.some_runs(numbers), retry, charge=charge, again=again)

    def fail_runs(self, runs: list[Run], retry: int | None, *, charge: bool, again: bool) -> None:
        failing = [
            # Longer than what is kept of it, at a place within a character.
            Failing(run, retry, charge, f"Oh: {n} " + "ж" * (n % 3 * 400), self.told(run))
            for n, run in enumerate(runs)
        ]
        failures = [
            Failure(*self.ending(each.run, outcome=each.outcome), retry, charge, each.error) for each in failing
        ]

        async def act() -> str:
            return (
                await self.send("fail", lambda it: running_commands.fail(it, self.store.keys, failures), again=again)
            ).results

        def mirror(model: Model, _: str, now: int) -> str:
            results = "".join([running.fail(model, each, now) for each in failing])
            running.bound_dead(model)
            return results

        self.step(act, mirror)

    @precondition(lambda self: self.is_claimable() and self.is_turn_of("batch"))
    @rule(failing=st.sets(st.integers(0, 3)), retry=st.none() | choices.retries, room=choices.rooms, cut=choices.twice)
    def a_batch_is_run(self, failing: set[int], retry: int | None, room: int, *, cut: bool) -> None:
        """All that is due is one batch: some of its runs fail by themselves, or its worker dies of it half-way."""
        self.took_turn("batch", 6)
        before = len(self.runs)
        self.claim("one", len(choices.IDS), room, again=False)
        batch = self.runs[before:]
        fine = [run for n, run in enumerate(batch) if n not in failing]
        if fine:
            self.end_runs(fine, ran=True, again=False)
        if len(fine) < len(batch) and not cut:
            self.fail_runs([run for run in batch if run not in fine], retry, charge=True, again=False)

    @precondition(may_end)
    @rule(how=st.sampled_from(["release", "renew", "pass over"]), numbers=choices.picks, again=choices.twice)
    def end_otherwise(self, how: str, numbers: list[int], *, again: bool) -> None:
        if how == "pass over":
            # As a worker does with occurrences that were missed, of tasks that skip those.
            self.end(numbers, ran=False, again=again)
        elif how == "release":
            self.release(numbers, again=again)
        else:
            self.renew(numbers, again=again)

    def release(self, numbers: list[int], *, again: bool) -> None:
        runs = self.some_runs(numbers)
        held = [self.ending(run) for run in runs]

        async def act() -> str:
            return (
                await self.send("release", lambda it: running_commands.released(it, self.store.keys, held), again=again)
            ).results

        self.step(act, lambda model, _, now: "".join([running.release(model, run, now) for run in runs]))

    def renew(self, numbers: list[int], *, again: bool) -> None:
        runs = self.some_runs(numbers)
        held = [self.ending(run) for run in runs]
        self.step(
            lambda: self.send(
                "renew", lambda it: running_commands.renewed(it, self.store.keys, 2 * LEASE, held), again=again
            ),
            lambda model, _, now: "".join([running.renew(model, run, now, 2 * LEASE) for run in runs]),
        )

    @precondition(may_end)
    @rule(numbers=choices.picks, again=choices.twice)
    def quarantine(self, numbers: list[int], *, again: bool) -> None:
        runs = self.some_runs(numbers)
        held = [self.ending(run) for run in runs]

        def mirror(model: Model, _: Sequence[bool], now: int) -> Sequence[bool]:
            results = [running.quarantine(model, run, now) for run in runs]
            running.bound_dead(model)
            return results

        self.step(
            lambda: self.send(
                "quarantine", lambda it: running_commands.quarantine(it, self.store.keys, held), again=again
            ),
            mirror,
        )

    @precondition(lambda self: self.sent and self.is_turn_of("request"))
    @rule(number=st.integers(0, 6), late=choices.twice)
    def a_request_comes_again(self, number: int, *, late: bool) -> None:
        self.took_turn("request", 8)
        batcher = sorted(self.sent)[number % len(self.sent)]
        if late and self.sessions[batcher].sequence > 1:
            self.comes_late(batcher)
        else:
            self.comes_again(batcher)

    def comes_again(self, batcher: str) -> None:
        """Whatever happened since: it gets its reply, and changes nothing."""
        sent, session = self.sent[batcher], self.sessions[batcher]

        async def act() -> Any:
            return comparable(await sent.request(session.back()))

        def mirror(model: Model, *_: Any) -> Any:
            if not isinstance(sent.reply, Claimed) or WORKERS[batcher]:
                return comparable(sent.reply)
            # What the worker still holds by that claim. It renews nothing before it has the reply.
            token, until = int(sent.reply.token), now_of(sent.reply) + LEASE
            return sent.reply.token, sorted(
                (raw_id, b"%d" % place.due, task.spec.record, task.attempts)
                for raw_id, task, place in model.at(Leased)
                if sent.reply.ids and (place.token, place.until) == (token, until)
            )

        self.step(act, mirror)

    def comes_late(self, batcher: str) -> None:
        """After a later one of its session: it is refused, and changes nothing."""
        session = self.sessions[batcher]
        sequence = session.sequence

        async def act() -> str:
            try:
                await self.sent[batcher].request(session.back(2))
            except ResponseError as error:
                return str(error).partition(" ")[0]
            finally:
                session.sequence = sequence
            return "carried out"

        self.step(act, lambda *_: "OUTDATED")

    def told(self, run: Run) -> int | None:
        """The next occurrence of a cron expression, which a worker works out."""
        if run.spec.cron is None:
            return None
        moment = next_run(run.spec.cron, "UTC", run.due, self.now, each_missed=run.spec.missed == "all")
        return run.spec.put_off(run.raw_id, moment)

    def ending(self, run: Run, *, ran: bool = True, outcome: Outcome = "ok") -> ClaimedTask:
        """A run as it ends: with the header of its record, and what `outcome.py` adds to that and takes away."""
        header = run.spec.header
        if not ran and run.spec.max_runs is not None:
            header = header.replace(b";n%d" % run.spec.max_runs, b"")
        if (told := self.told(run)) is not None:
            header += b";@%d" % told
        if run.spec.history and ran:
            header += b";~" + running.told_of(run, outcome)
        return ClaimedTask(run.raw_id, b"%d %d" % (run.token, run.due), header)
