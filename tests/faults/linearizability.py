"""A checker for histories of lock operations: can one lock at a time, as it is promised, have given these results?

The model of a lock is *(holder, token)*::

    free ──acquire: token──▶ held ──release(token): yes──▶ free
      ▲                      │  ▲
      └── its time is over ──┘  └──extend(token): yes

An acquire of a held lock gets nothing; extend and release with another token than the holder's change nothing. Each
operation takes effect at one moment between its invocation and its response. One whose outcome nobody knows takes
effect at any moment after its invocation, or never. A lock may be gone by itself when its time to live has passed since
the *invocation* of what set it, never before, and must be gone when it has passed since the response.

`violations` looks for an order that explains every result of a lock, as Wing and Gong did ("Testing and verifying
concurrent objects", 1993), with the improvements of Lowe ("Testing for linearizability", 2017): no configuration is
looked at twice, and an operation is put into the order only when a response asks for it. So what has to be remembered
is bounded by the operations that are under way at once: where none is, nothing but the states of the lock is left.

Tokens must also increase over all locks together: of two acquisitions, one after the other, the later has the greater.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Kind = Literal["acquire", "extend", "release"]

MS: Final = 1_000_000
#: A server that counts in whole milliseconds may keep a lock so much longer.
_GRAIN: Final = MS
_NEVER: Final = 1 << 63
#: The holder of a lock that was acquired without anybody being told the token.
_STRANGER: Final = -1


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. Moments and times to live are in ns, of a clock that all processes share.

    Attributes:
        kind: what was asked for.
        lock: the name of the lock.
        invoked: when it began.
        responded: when it ended; `None` if its outcome is not known.
        done: whether it acquired, extended or released; `None` if its outcome is not known.
        token: of extend and release: what they came with. Of acquire: what it got, `None` if nothing or if that was not
            told.
        ttl: of acquire and extend: for how long.
    """

    kind: Kind
    lock: str
    invoked: int
    responded: int | None
    done: bool | None
    token: int | None = None
    ttl: int = 0

    @property
    def ended(self) -> int:
        """When it ended, at the end of time if its outcome is not known."""
        return _NEVER if self.responded is None else self.responded


@dataclass(frozen=True, slots=True)
class Violation:
    """An operation whose result cannot be explained, and why not."""

    operation: Operation
    problem: str


class _State(NamedTuple):
    """A lock at one place of an order.

    Attributes:
        holder: the holder's token; `None`: free.
        last: the greatest token so far.
        gone_from: when its time to live may be over at the earliest.
        gone_by: when it must be over.
    """

    holder: int | None
    last: int
    gone_from: int = 0
    gone_by: int = 0

    def freed(self) -> _State:
        """The same lock, free."""
        return _State(None, self.last)

    def held(self, operation: Operation, holder: int | None) -> _State:
        """The same lock, held for the time to live of an operation."""
        gone_by = min(_NEVER, operation.ended + operation.ttl + _GRAIN)
        return _State(holder, max(self.last, holder or 0), operation.invoked + operation.ttl, gone_by)


#: A state, and those of the open operations that are in the order already.
_Configuration = tuple[_State, frozenset[int]]


def violations(operations: Iterable[Operation]) -> list[Violation]:
    """What cannot be explained: for each lock the first such operation, and tokens out of order."""
    history = list(operations)
    by_lock: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        by_lock[operation.lock].append(operation)
    found = [unexplained(of_one) for of_one in by_lock.values()]
    return [*(violation for violation in found if violation is not None), *disordered_tokens(history)]


def disordered_tokens(operations: Iterable[Operation]) -> Iterator[Violation]:
    """Acquisitions whose token is not greater than all tokens of those that had ended before they began."""
    acquired = [(op.token, op) for op in operations if op.kind == "acquire" and op.done and op.token is not None]
    by_end = sorted(acquired, key=lambda pair: pair[1].ended)
    seen: set[int] = set()
    greatest = place = 0
    for token, operation in sorted(acquired, key=lambda pair: pair[1].invoked):
        while by_end[place][1].ended < operation.invoked:
            greatest = max(greatest, by_end[place][0])
            place += 1
        if token in seen:
            yield Violation(operation, f"the token {token} was given twice")
        elif token <= greatest:
            yield Violation(operation, f"the token {token} is not greater than {greatest}, which was given before")
        seen.add(token)


def unexplained(operations: Sequence[Operation]) -> Violation | None:
    """The first operation on one lock whose result no order explains, `None` if there is an order."""
    ordered = sorted(operations, key=lambda operation: operation.invoked)
    # At the same moment what begins comes before what ends: that leaves more orders open.
    events = [(operation.invoked, 0, number) for number, operation in enumerate(ordered)]
    events += [(op.responded, 1, number) for number, op in enumerate(ordered) if op.responded is not None]
    under_way: dict[int, Operation] = {}
    configurations: set[_Configuration] = {(_State(None, 0), frozenset())}
    for moment, ends, number in sorted(events):
        if not ends:
            under_way[number] = ordered[number]
            continue
        before, configurations = configurations, _explaining(configurations, under_way, number, moment)
        del under_way[number]
        if not configurations:
            states = ", ".join(sorted({_describe(state) for state, _ in before}))
            return Violation(ordered[number], f"no order explains it; the lock may have been: {states}")
    return None


def _explaining(
    configurations: Iterable[_Configuration], under_way: Mapping[int, Operation], wanted: int, moment: int
) -> set[_Configuration]:
    """Every configuration that has an operation in the order which ends at this moment."""
    found: set[_Configuration] = set()
    known: set[_Configuration] = set()
    left = list(configurations)
    while left:
        configuration = left.pop()
        if configuration in known:
            continue
        known.add(configuration)
        state, taken = configuration
        if wanted in taken:
            found.add((state, _relevant(state, taken - {wanted}, under_way)))
        elif under_way[wanted].done is False and _effect(state, under_way[wanted]) is not None:
            # It changes nothing, so all that could come before it may as well come after it.
            found.add((state, _relevant(state, taken, under_way)))
        else:
            left.extend(_next(configuration, under_way, moment))
    return found


def _next(configuration: _Configuration, under_way: Mapping[int, Operation], moment: int) -> Iterator[_Configuration]:
    """The configurations after one more change.

    What changes nothing and is explained by the present state is taken before the change: that can do no harm. Of those
    of unknown outcome that ask for the same, the earliest stands for the others.
    """
    state, taken = configuration
    tried: set[tuple[Kind, int]] = set()
    changes: list[tuple[_State, int]] = []
    for number, operation in under_way.items():
        if number in taken or (after := _effect(state, operation)) is None:
            continue
        if operation.done is False:
            taken |= {number}
            continue
        if operation.done is None:
            asked = (operation.kind, operation.ttl)
            if asked in tried:
                continue
            tried.add(asked)
        changes.append((after, number))
    for after, number in changes:
        yield after, taken | {number}
    if state.holder is not None and state.gone_from <= moment:
        yield state.freed(), taken


def _effect(state: _State, operation: Operation) -> _State | None:
    """The state after an operation, `None` if this state does not explain its result.

    One of unknown outcome is taken for one that succeeded: if it did not, it changed nothing.
    """
    is_held = state.holder is not None and operation.invoked <= state.gone_by
    if operation.kind == "acquire":
        if operation.done is False:
            return state if is_held else None
        token = _STRANGER if operation.token is None else operation.token
        if state.holder is not None or (token != _STRANGER and token <= state.last):
            return None
        return state.held(operation, token)
    is_its_own = state.holder == operation.token
    if operation.done is False:
        return None if is_its_own else state
    if not (is_its_own and is_held):
        return None
    return state.freed() if operation.kind == "release" else state.held(operation, state.holder)


def _relevant(state: _State, taken: frozenset[int], under_way: Mapping[int, Operation]) -> frozenset[int]:
    """Without the extends and releases of unknown outcome for an earlier holder: they have no effect any more."""
    return frozenset(
        number
        for number in taken
        if (operation := under_way[number]).done is not None
        or operation.kind == "acquire"
        or operation.token == state.holder
    )


def _describe(state: _State) -> str:
    if state.holder is None:
        return f"free after {state.last}"
    return "held by a stranger" if state.holder == _STRANGER else f"held with {state.holder}"
