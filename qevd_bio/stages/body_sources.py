"""Where measurements of bodies may come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.strict_json import JsonValue


@dataclass(frozen=True, slots=True)
class BodySources:
    """Where measurements of bodies may come from.

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

    def as_json(self) -> dict[str, JsonValue]:
        """Spell the sources out, with absolute paths."""
        paths: dict[str, Path | None] = {one.name: getattr(self, one.name) for one in fields(self)}
        return {n: None if path is None else str(path.absolute()) for n, path in paths.items()}

    @classmethod
    def from_json(cls, content: JsonValue, *, where: str) -> BodySources:
        """Read what `as_json` wrote.

        Raises
        ------
        DataError
            It was written by another version.
        """
        names = {one.name for one in fields(cls)}
        if not isinstance(content, Mapping) or set(content) != names:
            raise DataError(
                "its sources of bodies are not written by this version",
                where=where,
                next_step="Run `qevd-bio run` again; finished work is kept",
            )
        return cls(**{n: Path(v) if isinstance(v, str) else None for n, v in content.items()})


def checked_sources(sources: BodySources) -> BodySources:
    """Return sources that are there.

    Raises
    ------
    UsageError
        A folder or file that was named is absent, or a landmark file has no body to serve.
    """
    named = {
        "--weights": sources.weights,
        "--landmarks": sources.landmarks,
        "--shapy-root": sources.shapy_root,
    }
    for option, path in named.items():
        if path is not None and not path.exists():
            raise UsageError(
                "is not there", where=f"{option} {path}", next_step="Correct the path"
            )
    return sources
