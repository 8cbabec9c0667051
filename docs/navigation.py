"""Puts the decisions (docs/adr) at the end of the navigation, so that a new one is listed without a further edit.

A hook of mkdocs, named in mkdocs.yml. Rejected: a plug-in for globs in the navigation, a dependency for ten lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

DECISIONS = "adr"


def on_config(config: Any) -> Any:
    """Called by mkdocs before it reads the pages."""
    pages = sorted(path.name for path in Path(config.docs_dir, DECISIONS).glob("[0-9]*.md"))
    config.nav.append({"Decisions": [f"{DECISIONS}/README.md", *(f"{DECISIONS}/{page}" for page in pages)]})
    return config
