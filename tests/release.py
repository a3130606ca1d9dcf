"""Installs a wheel with each extra alone into empty environments, on every Python at hand, and calls what there is.

    python -m tests.release WHEEL [WORD...]    with words, only environments that have one of them in their name

Packages come from wherever pip gets them, as they do for users. A Python that is not at hand is named and skipped. Exit
status: 1 if something failed anywhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.pythons import PYTHONS, python_of
from tests.release_calls import ALONE, BASE, CALLS, EVERYTHING, LARGEST_MB, Call
from tests.servers import RedisServer

#: What an environment has before anything is installed.
_BEFORE: Final = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
_PATIENCE_SECONDS: Final = 300


class Environment(NamedTuple):
    """What is installed into an environment of its own, and what is called there."""

    name: str
    extras: str
    calls: Sequence[Call]


def environments() -> Iterator[Environment]:
    """The package alone, with each extra alone, and with all of them."""
    yield Environment("alone", "", ALONE)
    for extra, calls in CALLS.items():
        yield Environment(extra, f"[{extra}]", (*BASE, *calls))
    yield Environment(
        "everything", f"[{','.join(CALLS)}]", (*EVERYTHING, *(call for calls in CALLS.values() for call in calls))
    )


def outside(**more: str) -> dict[str, str]:
    """The environment of a user: nothing of this project is to be found by it."""
    ours = ("PYTHON", "INTERVAL_SCHEDULER_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


def install(python: str, folder: Path, what: str) -> Path:
    """Make an environment, and install into it: its interpreter.

    Raises:
        CalledProcessError: something cannot be installed, or does not fit together; pip has said why.
    """
    subprocess.run([python, "-m", "venv", folder], check=True, env=outside())
    ours = folder / "bin" / "python"
    pip = [str(ours), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", what], check=True, env=outside())
    subprocess.run([*pip, "check"], check=True, env=outside())
    return ours


def megabytes(folder: Path) -> float:
    """How much was installed into an environment, compiled files included."""
    (packages,) = folder.glob("lib/*/site-packages")
    files = (path for path in packages.rglob("*") if path.is_file())
    return (
        sum(path.stat().st_size for path in files if not path.relative_to(packages).parts[0].startswith(_BEFORE)) / 1e6
    )


def failures(calls: Sequence[Call], bin_folder: Path, places: Mapping[str, str]) -> list[str]:
    """Call all; what went wrong."""
    found = []
    for call in calls:
        words = list(call.words)
        for place, value in places.items():
            words = [word.replace(place, value) for word in words]
        command = [str(bin_folder / words[0]), *words[1:]]
        done = subprocess.run(
            command, cwd=places["{folder}"], env=outside(), capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=_PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        if done.returncode != call.code or call.says not in said:
            found.append(f"{' '.join(words)[:200]} ended with {done.returncode}: {said}")
    return found


def try_one(python: str, environment: Environment, wheel: Path, server: RedisServer) -> tuple[list[str], float]:
    """Install and call: what went wrong, and how many megabytes were installed."""
    with tempfile.TemporaryDirectory(prefix="interval-scheduler-release-") as name:
        folder = Path(name, "environment")
        try:
            install(python, folder, f"{wheel}{environment.extras}")
        except subprocess.CalledProcessError as error:
            return [f"{error}"], 0.0
        size = megabytes(folder)
        places = {"{redis}": server.url, "{folder}": name, "{backup}": f"{name}/tasks.jsonl"}
        found = failures(environment.calls, folder / "bin", places)
        if size > LARGEST_MB.get(environment.name, size):
            found.append(f"{size:.1f} MB are more than {LARGEST_MB[environment.name]}")
        with server.client() as client:
            client.flushall()
        return found, size


def main(wheel: Path, words: Sequence[str]) -> int:
    """Try all environments; the exit status."""
    status = 0
    with RedisServer() as server:
        for version in PYTHONS:
            python = python_of(version)
            for environment in environments():
                title = f"{version} {environment.name}"
                if words and not any(word in title for word in words):
                    continue
                if python is None:
                    sys.stdout.write(f"{title}: skipped, not at hand\n")
                    continue
                found, size = try_one(python, environment, wheel.absolute(), server)
                outcome = f"{len(environment.calls)} calls, {size:.1f} MB, {'FAILED' if found else 'well'}"
                sys.stdout.write("\n".join([f"{title}: {outcome}", *found, ""]))
                sys.stdout.flush()
                status |= bool(found)
    return status


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
