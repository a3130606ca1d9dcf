"""Faults of all kinds, injected often, and what came of them."""

import pytest

pytest.register_assert_rewrite("tests.faults.driving")
