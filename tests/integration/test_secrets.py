"""No password and no payload is told by anybody, however much goes wrong and however loud everything is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.integration import noisy
from tests.integration.processes import ROOT


def test_nothing_tells_a_secret(tmp_path: Path) -> None:
    records = tmp_path / "records"
    command = [sys.executable, "-X", "dev", "-m", "tests.integration.noisy", str(records)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    told = {"stdout": done.stdout, "stderr": done.stderr, "records": records.read_text()}
    lines = [(where, line) for where, text in told.items() for line in text.splitlines()]
    assert [proof for proof in noisy.PROOFS if not any(proof in line for _, line in lines)] == []
    assert any("Executing <" in line for _, line in lines), "asyncio tells each step"
    assert [(where, line) for where, line in lines if any(secret in line for secret in noisy.SECRETS)] == []
