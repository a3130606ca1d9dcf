"""What the peers need: a virtual environment from a hash-pinned lock, and packages of npm from theirs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.bench import ROOT

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
_LOCK = ROOT / "requirements" / "peers.txt"
_NODE = ROOT / "benchmarks" / "peers" / "node"


def prepare() -> None:
    """Install what is not installed as the locks say."""
    _python(PYTHON.parents[1] / "installed.txt")
    if shutil.which("npm"):  # without Node its peers are told as failures
        _node(_NODE / "node_modules" / "installed.json")


def _python(installed: Path) -> None:
    if _same(_LOCK, installed):
        return
    print("installing the peers' Python packages", flush=True)
    _run(sys.executable, "-m", "venv", "--clear", str(PYTHON.parents[1]))
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    _run(*pip, "--require-hashes", "--requirement", str(_LOCK))
    shutil.copyfile(_LOCK, installed)


def _node(installed: Path) -> None:
    lock = _NODE / "package-lock.json"
    if _same(lock, installed):
        return
    print("installing the peers' npm packages", flush=True)
    _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", folder=_NODE)
    shutil.copyfile(lock, installed)


def _same(lock: Path, installed: Path) -> bool:
    return installed.exists() and installed.read_bytes() == lock.read_bytes()


def _run(*command: str, folder: Path = ROOT) -> None:
    done = subprocess.run(command, check=False, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")
