"""The Lua scripts, one by one: a key space, a script, the whole key space after it."""

import pytest

pytest.register_assert_rewrite("tests.scripts.store", "tests.model.invariants")
