"""Semantic versions: which step leads from one to another, and which one a change asks for."""

from __future__ import annotations

import re
from typing import Literal

from qevd_bio.errors import UsageError

Step = Literal["none", "patch", "minor", "major"]

_NUMBER = r"(0|[1-9]\d*)"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?", re.A)


def release_numbers(version: str) -> tuple[int, int, int]:
    """Split a semantic version; what follows a hyphen does not count.

    Raises
    ------
    UsageError
        It is none.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise UsageError(
            "is no semantic version",
            where=f"version {version!r}",
            next_step="Give three numbers, such as 1.0.0",
        )
    return int(match[1]), int(match[2]), int(match[3])


def step_taken(old: str, new: str) -> Step:
    """Name the step from one version to another."""
    first, second = release_numbers(old), release_numbers(new)
    if second <= first:
        return "none"
    if second[0] != first[0]:
        return "major"
    return "minor" if second[1] != first[1] else "patch"


def next_version(old: str, required: Step) -> str:
    """Give the least version that a step asks for; before 1.0.0 a major step is a minor one."""
    major, minor, patch = release_numbers(old)
    if required == "major" and major > 0:
        return f"{major + 1}.0.0"
    if required in ("major", "minor"):
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + (required == 'patch')}"


def suffices(old: str, new: str, required: Step) -> bool:
    """Return whether a version is high enough for a step."""
    return release_numbers(new) >= release_numbers(next_version(old, required))
