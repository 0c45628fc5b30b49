"""Where measurements of bodies come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qevd_bio.errors import UsageError


@dataclass(frozen=True, slots=True)
class BodySources:
    """Where measurements of bodies come from.

    Attributes
    ----------
    weights : Path or None
        Folder of imported weights with ``skel_male`` or ``smpl_male``; None: no body.
    landmarks : Path or None
        Landmark file of that body; None: SMPL's.
    shapy_root : Path or None
        Folder of SHAPY's measurements; where it is given nothing else is measured.
    """

    weights: Path | None = None
    landmarks: Path | None = None
    shapy_root: Path | None = None


def checked_sources(sources: BodySources) -> BodySources:
    """Return sources that exist.

    Raises
    ------
    UsageError
        A folder or file that was named is absent.
    """
    named = {
        "--weights": sources.weights,
        "--landmarks": sources.landmarks,
        "--shapy-root": sources.shapy_root,
    }
    for option, path in named.items():
        if path is not None and not path.exists():
            raise UsageError(
                "does not exist", where=f"{option} {path}", next_step="Correct the path"
            )
    return sources
