"""The search for what calls in doubt did."""

from __future__ import annotations

from collections.abc import Callable

from tests.model import Effect, Model, Spec, Task, Waiting, explain
from tests.model.assigning import remove

NOW = 1000


def put(data: str) -> Callable[[Model, int], bool]:
    def mirror(model: Model, now: int) -> bool:
        is_new = b"x" not in model.tasks
        model.tasks[b"x"] = Task(Spec(data), Waiting(now))
        return is_new

    return mirror


def take(model: Model, now: int) -> bool:
    return remove(model, b"x", now)


def effect(mirror: Callable[[Model, int], bool], made: int, done: int | None = None, result: object = None) -> Effect:
    return Effect("a call", frozenset([b"x"]), mirror, made, done, result)


def holds(data: str | None) -> Callable[[Model], bool]:
    """Whether the task has these data; `None`: it is not there."""
    return lambda model: (None if b"x" not in model.tasks else model.tasks[b"x"].spec.data) == data


def test_a_call_in_doubt_may_still_come_until_a_later_one_on_the_task_was_acknowledged() -> None:
    late = effect(put("late"), 0)
    found = explain(Model(), [late], [NOW], holds(None))
    assert found == (Model(), (late,))
    removal = effect(take, 1, 2, result=False)
    assert explain(Model(), [late, removal], [NOW], holds(None)) == (Model(), ())
    assert explain(Model(), [late, removal], [NOW], holds("late")) is None, "it undid a later one"


def test_the_result_of_a_later_call_tells_what_the_one_in_doubt_did() -> None:
    late, removal = effect(put("late"), 0), effect(take, 1, 2, result=True)
    assert explain(Model(), [late, removal], [NOW], holds(None)) == (Model(), ())
    assert explain(Model(), [effect(take, 1, 2, result=True)], [NOW], holds(None)) is None


def test_calls_on_one_task_keep_their_order_at_moments_that_do_not_go_back() -> None:
    calls = [effect(put("one"), 0, 3, result=True), effect(put("two"), 1, 2, result=False)]
    found = explain(Model(), calls, [NOW, NOW + 5], holds("two"))
    assert found is not None
    assert found[0].tasks[b"x"].place in (Waiting(NOW), Waiting(NOW + 5))
    assert explain(Model(), calls, [NOW, NOW + 5], holds("one")) is None


def test_calls_on_different_tasks_may_take_effect_in_any_order_unless_one_followed_the_other() -> None:
    def note(name: str) -> Callable[[Model, int], None]:
        return lambda model, now: model.locks.update({name: 1 + max(model.locks.values(), default=0)})

    def at_once(other_is_made: int) -> list[Effect]:
        return [
            Effect("one", frozenset([b"x"]), note("one"), 0, 2),
            Effect("two", frozenset([b"y"]), note("two"), other_is_made, 4),
        ]

    for other_is_made, may_come_first in ((1, True), (3, False)):
        found = explain(Model(), at_once(other_is_made), [NOW], lambda model: model.locks == {"two": 1, "one": 2})
        assert (found is not None) is may_come_first
