"""Variables of the environment whose names are close to a setting and are none: nothing would tell of them."""

from __future__ import annotations

import contextlib
import difflib
import logging
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from .. import FlatOptions
from ..environment import PREFIX, URLS

#: Kubernetes gives every container such variables for each service, here for one called `interval-scheduler`.
_OF_KUBERNETES: Final = re.compile(r"(.+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
#: How much of two names is alike, from 0 to 1, if one is taken for the other.
_CLOSE: Final = 0.7


class Typo(NamedTuple):
    """A variable that is no setting, and the one that was probably meant."""

    variable: str
    meant: str


def typos_in(environment: Mapping[str, str]) -> list[Typo]:
    """Return the variables whose names are close to a setting of a worker, sorted by name."""
    known = [URLS, *(PREFIX + name.upper() for name in FlatOptions.__annotations__)]
    found = []
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name == variable or variable in known or _OF_KUBERNETES.fullmatch(name):
            continue
        # The prefix is left out: with it, all names would be close to each other.
        close = difflib.get_close_matches(name.upper(), [each.removeprefix(PREFIX) for each in known], 1, _CLOSE)
        found += [Typo(variable, PREFIX + each) for each in close]
    return found


def tell_typos(environment: Mapping[str, str], logger: Any) -> None:
    """Log a warning for each of them, without its value.

    Args:
        environment: the variables.
        logger: the logger of the application; `None`: that of the library.
    """
    log = logging.getLogger("interval_scheduler") if logger is None else logger
    for typo in typos_in(environment):
        with contextlib.suppress(Exception):  # of the application's logger: a line less is no reason to stop
            log.warning("%s in the environment is no setting; is %s meant?", typo.variable, typo.meant)
