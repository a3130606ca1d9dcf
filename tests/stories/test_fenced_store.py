"""The example of what a fencing token is for: it shows the danger, and the fence."""

from __future__ import annotations

from pathlib import Path

from tests.stories.programs import EXAMPLES, assert_succeeded, run

EXAMPLE = EXAMPLES / "fenced_store.py"
FENCE = '"WHERE excluded.token >= items.token"'


def test_a_late_write_is_refused() -> None:
    done = run(EXAMPLE, seconds=60)
    assert_succeeded(done)
    said = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert said == ["first", "second", "second", "first", "store"], "the first comes back after the second has written"
    assert "refused" in done.stdout
    assert done.stdout.endswith("store:  4.20, says the second\n")


def test_without_the_fence_it_overwrites_the_later_one(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    assert text.count(FENCE) == 1
    unfenced = tmp_path / "unfenced.py"
    unfenced.write_text(text.replace(FENCE, '""'))
    done = run(unfenced, seconds=60)
    assert_succeeded(done)
    assert "refused" not in done.stdout
    assert done.stdout.endswith("store:  4.00, says the first\n")
