"""Asks for known vulnerabilities of everything that a lock pins, in whatever environment.

    python -m supply.audit LOCK [options of pip-audit, for example for another source]

First it asks for a version that is known to be vulnerable. A source that cannot be reached, or does not tell of that,
would not tell of any other either: then nothing was audited, and that is a failure.

Exit status: 0 nothing is known, 1 something is, or a pin could not be looked up, 2 there is nobody to ask.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from .lock import parse

#: Of 2018, and known since 2019 to let templates out of their sandbox.
CANARY = "jinja2==2.10"
FOUND, NOBODY_TO_ASK = 1, 2


def ask(lines: Iterable[str], options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Look pins up, each as it stands: nothing is resolved or installed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text("\n".join(lines) + "\n")
        # Strict: one that is not known to the source is a failure, not a warning.
        command = [sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--no-deps", "--format=json"]
        command += ["--progress-spinner=off", f"--requirement={file}", *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def found(done: subprocess.CompletedProcess[str]) -> list[str] | None:
    """What is vulnerable, a line each; `None` if there was no answer."""
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return None
    return [
        f"{each['name']} {each['version']}: {vulnerability['id']}, fixed in {', '.join(vulnerability['fix_versions'])}"
        for each in answer["dependencies"]
        for vulnerability in each.get("vulns", ())
    ]


def main(lock: Path, options: Sequence[str]) -> int:
    """Audit a lock; the exit status."""
    canary = ask([CANARY], options)
    if not found(canary):
        print(
            "Nothing was audited: there is no source of known vulnerabilities here that can be reached and tells of "
            f"{CANARY}, which is known to be vulnerable. The last thing that was heard:\n"
            f"{(canary.stderr.strip() or canary.stdout).strip().splitlines()[-1]}",
            file=sys.stderr,
        )
        return NOBODY_TO_ASK
    # A name may be pinned once for each of several environments, but may stand in a list only once.
    lists: defaultdict[int, list[str]] = defaultdict(list)
    names: defaultdict[str, int] = defaultdict(int)
    for pin in parse(lock.read_text()):
        lists[names[pin.name]].append(pin.line)
        names[pin.name] += 1
    status = 0
    for lines in lists.values():
        done = ask(lines, options)
        vulnerable = found(done)
        if vulnerable is None:
            print(done.stderr.strip(), file=sys.stderr)
        for line in vulnerable or ():
            print(line)
        if vulnerable is None or vulnerable or done.returncode != 0:
            status = FOUND
    if status == 0:
        print(f"No vulnerability is known of any of {sum(map(len, lists.values()))} pins.")
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
