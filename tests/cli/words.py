"""Words with which each command works on a namespace, one after the other."""

from __future__ import annotations

from typing import Final

#: Each command with words that work, in an order in which they find what they need, and its exit code.
#: `{backup}` is a file that `export` writes.
WORDS: Final[dict[str, tuple[list[str], int]]] = {
    "assign": (["{tenant}:a", "--every", "15m", "--data", "{}", "--start", "+1d", "--history", "3"], 0),
    "list": (["--prefix", "{tenant}"], 0),
    "show": (["{tenant}:a"], 0),
    "next": (["{tenant}:a", "--count", "2"], 0),
    "edit": (["{tenant}:a", "--every", "30m"], 0),
    "pause": (["{tenant}:a", "--reason", "as a test"], 0),
    "resume": (["--prefix", "{tenant}", "--yes"], 0),
    "run-now": (["{tenant}:a"], 0),
    "cancel": (["{tenant}:a"], 1),  # nothing runs
    "revive": (["{tenant}:a"], 1),  # nothing is dead
    "dead": (["list"], 0),
    "failing": (["list"], 0),
    "queues": ([], 0),
    "upcoming": (["--hours", "1"], 0),
    "stats": (["--since", "-1h"], 0),
    "schedulers": ([], 1),  # nobody executes them
    "rate": (["100/1m", "--yes"], 0),
    "top": (["--once", "--plain"], 0),
    "doctor": ([], 1),  # a task is due, and nobody runs it
    "audit": ([], 0),
    "export": (["{backup}"], 0),
    "import": (["{backup}", "--dry-run"], 0),
    "remove": (["{tenant}:a"], 0),
    "clear": (["--yes"], 0),
    "bench": (["--tasks", "500", "--seconds", "0.1"], 0),
}
