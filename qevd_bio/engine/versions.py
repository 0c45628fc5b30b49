"""The versions of the packages at work, read from their metadata without importing them."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib import metadata

import qevd_bio

PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "torch", "av", "ai-edge-litert")


@lru_cache(maxsize=1)
def package_versions() -> dict[str, str]:
    """Return versions by distribution name; a package that is not installed is absent."""
    versions = {"python": platform.python_version(), "qevd-bio": qevd_bio.__version__}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
