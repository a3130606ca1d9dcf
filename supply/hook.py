"""A hook of hatchling: puts the bill of materials into the wheel (PEP 770), where `make sbom` has written one.

An installation from a checkout, or from the sdist, has none, and does without.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Where `make sbom` writes it, from the root of the project.
SBOM = "build/interval_scheduler.cdx.json"


class SbomHook(BuildHookInterface[BuilderConfig]):
    """Adds one file to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before a build; `version` is `"editable"` for a wheel that only points at the checkout."""
        if version != "editable" and Path(self.root, SBOM).is_file():
            build_data["sbom_files"].append(SBOM)
