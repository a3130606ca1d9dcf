"""The README, as a reader types it: the program into a file, the tour into the prompt of Python."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.servers import RedisServer
from tests.stories.page import USUAL_URL, blocks
from tests.stories.programs import ROOT, assert_succeeded, environment, run

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
START, TOUR = TEXT.split("## A short tour\n")
PROGRAM = next(blocks(START)).code
#: It pauses for half a second; the rest of this is for a loaded machine.
PATIENCE_SECONDS = 120


def test_the_program_runs(tmp_path: Path) -> None:
    file = tmp_path / "feeds.py"
    file.write_text(PROGRAM)

    def refreshes_again() -> bool:
        done = run(file, seconds=PATIENCE_SECONDS)
        assert_succeeded(done)
        return all(done.stdout.count(f"refreshing the feed of {user}\n") >= 2 for user in ("ada", "grace", "edsger"))

    # It goes on for 1.2 s, however little of that the machine gives it.
    assert any(refreshes_again() for _ in range(5))


def test_the_program_runs_on_redis_with_the_line_that_is_to_be_changed(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    found = re.search(r"change one line:\n\n```text\n(.*)\n```", START)
    assert found is not None
    head = found[1].partition("(")[0]
    (old,) = [line for line in PROGRAM.splitlines() if line.startswith(f"{head}(")]
    file = tmp_path / "feeds.py"
    file.write_text(PROGRAM.replace(old, found[1]).replace(USUAL_URL, redis_server.url))
    done = run(file, seconds=PATIENCE_SECONDS)
    # This Redis keeps nothing on disk, of which stderr has a warning.
    assert done.returncode == 0, done.stderr
    assert "refreshing the feed of ada\n" in done.stdout


def test_the_tour_can_be_typed() -> None:
    found = list(blocks(TOUR))
    assert len(found) >= 10
    # Enter is hit once more behind each block, which ends an indented one.
    typed = "".join(f"{block.code}\n\n" for block in found)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "asyncio"],
        input=typed,
        cwd=ROOT,
        env=environment(),
        text=True,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    # An error ends its statement and not the prompt, so its traceback tells.
    assert (done.returncode, "Traceback" in done.stderr, "Error" in done.stderr) == (0, False, False), done.stderr
    for said in (
        "AssignCounts(assigned=1000, updated=0)",
        "SyncCounts(added=3",
        "hand this to what you protect",
        "mail:7",
    ):
        assert said in done.stdout
    assert re.search(r'\{"user": 1\}: attempt 1, \d+\.\d ms after it was due', done.stdout)
