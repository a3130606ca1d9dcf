"""Bugs of what is installed: an extra that is not there, and what may not be loaded without it."""

from __future__ import annotations

from typing import Final

from .planted import Planted, tests_in

_INSTALLED: Final = "supply/test_installed"
_TOP: Final = "cli/test_top_terminal"

ALL: Final = (
    Planted(
        "a screen begins without what it needs",
        "cli/top/showing.py",
        'if importlib.util.find_spec("textual") is None:',
        "if False:",
        tests_in(_TOP, "test_a_screen_without_its_extra_says_what_to_install"),
    ),
    Planted(
        "a screen that cannot be shown is an answer of no",
        "cli/top/showing.py",
        "            CONFIGURATION,\n",
        "            1,\n",
        tests_in(_TOP, "test_a_screen_without_its_extra_says_what_to_install"),
    ),
    Planted(
        "the command line without its extra fails with a traceback",
        "cli/__init__.py",
        'if error.name != "click":',
        'if error.name == "click":',
        tests_in(_INSTALLED, "test_without_an_extra"),
    ),
    Planted(
        "the package needs the embedded engine to be loaded",
        "storage/connection/client.py",
        "from redis.asyncio import Redis\n",
        "import fakeredis\nfrom redis.asyncio import Redis\n",
        tests_in(_INSTALLED, "test_without_an_extra"),
    ),
    Planted(
        "the package needs a library of an extra to know its names",
        "model/cron.py",
        "import re\n",
        "import re\n\nimport cronsim\n",
        tests_in(_INSTALLED, "test_without_an_extra"),
    ),
)
