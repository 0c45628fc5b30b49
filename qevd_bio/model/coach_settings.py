"""``coach.json``: what a coach is made of, and what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.files.strict_json import dump_json, parse_json
from qevd_bio.model.fusion import FusionConfig
from qevd_bio.model.layout import LayoutConfig

SCHEMA_VERSION = 1
SETTINGS_FILE = "coach.json"

_Kind = TypeVar("_Kind", FusionConfig, LayoutConfig, "CoachSettings")


@dataclass(frozen=True, slots=True)
class CoachSettings:
    """The content of ``coach.json``.

    Attributes
    ----------
    layers : tuple of int
        Decoder layers after which there is a cross-attention.
    heads : int
        Of these.
    feature_width : int
        Width of the visual features.
    tokens : tuple of int
        Numbers of the three action tokens.
    fusion : FusionConfig or None
        Shape of the fusion; None where there is none.
    layout : LayoutConfig
        How sequences were laid out in training.
    network : str
        Identity of the 3D CNN whose features the coach was trained on; empty if not trained.
    release : str
        The release whose sentences and contexts it was trained on; empty if not trained.
    digests : dict of str to str
        SHA-256 of each file of weights.
    notes : tuple of str
        Where it came from.
    """

    layers: tuple[int, ...]
    heads: int
    feature_width: int
    tokens: tuple[int, int, int]
    fusion: FusionConfig | None = None
    layout: LayoutConfig = field(default_factory=LayoutConfig)
    network: str = ""
    release: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self, *, where: str) -> str:
        """Write the settings."""
        content: Any = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        return dump_json(content, where=where, indent=2) + "\n"

    def check_network(self, network: str) -> None:
        """Refuse features of another network than the one the coach was trained on."""
        if self.network and network != self.network:
            raise DataError(
                f"the features are of the network {network!r}, the coach was trained on "
                f"those of {self.network!r}",
                where=SETTINGS_FILE,
                next_step="Compute the features with the same network",
            )


def read_settings(path: Path) -> CoachSettings:
    """Read ``coach.json``.

    Raises
    ------
    DataError
        The file is absent or damaged, of another schema, or lacks a key or holds an unknown one.
    """
    try:
        held: Any = parse_json(read_text_regular(path, follow_links=True), where=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"cannot be read ({error})") from error
    if not isinstance(held, dict) or held.pop("schema_version", None) != SCHEMA_VERSION:
        raise _bad(path, f"is not of schema {SCHEMA_VERSION}")
    try:
        fusion = None if held.get("fusion") is None else _made(FusionConfig, held["fusion"])
        layout = _layout(held.get("layout"))
        numbers = {name: tuple(held.get(name) or ()) for name in ("layers", "tokens", "notes")}
        settings = _made(CoachSettings, {**held, **numbers, "fusion": fusion, "layout": layout})
        whole = all(type(one) is int for one in (*settings.layers, *settings.tokens))
        if not whole or len(settings.tokens) != 3:
            raise ValueError("its layers or tokens are no whole numbers")
    except (TypeError, ValueError, UsageError) as error:
        raise _bad(path, str(error)) from error
    return settings


def _layout(held: object) -> LayoutConfig:
    """Make the layout; a coach of before 2026-11-30 does not say how contexts were cut."""
    if isinstance(held, dict):
        held = {"context_cut": "end", **held}
    return _made(LayoutConfig, held)


def _made(kind: type[_Kind], held: object) -> _Kind:
    """Make a dataclass of a mapping that has all of its keys and no other."""
    names = {one.name for one in fields(kind)}
    if not isinstance(held, dict) or set(held) != names:
        different = sorted(set(held) ^ names) if isinstance(held, dict) else sorted(names)
        raise ValueError(f"keys are missing or unknown: {', '.join(different)}")
    return kind(**held)


def _bad(path: Path, cause: str) -> DataError:
    return DataError(
        " ".join(cause.split()),
        where=str(path),
        next_step="Take the folder of a coach as it was saved",
    )
