"""The archived release of this version, unpacked."""

from __future__ import annotations

import tarfile
from pathlib import Path

from qevd_bio.tables.columns import SCHEMA_VERSION

ARCHIVES = Path(__file__).parents[1] / "archives"


def unpacked(folder: Path) -> Path:
    """Unpack the release; its folder is returned."""
    with tarfile.open(ARCHIVES / f"{SCHEMA_VERSION}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    (manifest,) = folder.rglob("manifest.json")
    return manifest.parent
