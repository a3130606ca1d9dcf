"""Bugs to plant in what is said about functions and options of the application before anything is sent."""

from __future__ import annotations

from typing import Final

from .planted import Planted, tests_in

ALL: Final = (
    Planted(
        "a handler that cannot take its arguments is added",
        "support/events.py",
        '        check_arity("handler", handler, ARGUMENTS[event], f" at the event {event!r}")\n',
        "",
        tests_in("unit/test_arity", "test_a_handler_takes_what_its_event_has"),
    ),
    Planted(
        "an executor that takes no payload is started",
        "execution/executor.py",
        '    check_arity("executor", executor, PAYLOAD)\n',
        "",
        tests_in("unit/test_arity", "test_an_executor_takes_the_payload"),
    ),
    Planted(
        "a plain function that takes no payload is started",
        "facade/threaded.py",
        '        check_arity("executor", executor, PAYLOAD)\n',
        "",
        tests_in("unit/test_arity", "test_a_plain_executor_takes_it_too"),
    ),
    Planted(
        "a function that a decorator gives more arguments is refused",
        "support/arity.py",
        "_parameters(function, follow_wrapped=False)",
        "_parameters(function, follow_wrapped=True)",
        tests_in("unit/test_arity", "test_it_can_be_called_so"),
    ),
    Planted(
        "a decorator hides what its function cannot take",
        "support/arity.py",
        "if taken is None or len(given) <= _most(taken):",
        "if True:",
        tests_in("unit/test_arity", "test_it_cannot_be_called_so"),
    ),
    Planted(
        "a parameter without a default that is given by name alone is forgotten",
        "support/arity.py",
        "if each.kind is Parameter.KEYWORD_ONLY",
        "if False",
        tests_in("unit/test_arity", "test_it_cannot_be_called_so"),
    ),
    Planted(
        "a type checker does not know an option",
        "config/flat.py",
        "    max_hints: int\n",
        "",
        tests_in("unit/test_arity", "test_the_flat_options_are_all_options"),
    ),
    Planted(
        "a type checker gives an option another type",
        "config/flat.py",
        "    lease_renewal_seconds: float | None\n",
        "    lease_renewal_seconds: float\n",
        tests_in("unit/test_arity", "test_the_flat_options_are_all_options"),
    ),
    Planted(
        "a type checker gives an event other arguments",
        "facade/listening.py",
        'event: Literal["stuck"], handler: _OfStuckRuns',
        'event: Literal["stuck"], handler: _OfJump',
        tests_in("unit/test_arity", "test_each_event_has_as_many_arguments_as_its_type_says"),
    ),
)
