"""What a person chooses for an ablation, and how it is read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from qevd_bio.ablation.switches import FULL, SWITCHES
from qevd_bio.choices import suggestion
from qevd_bio.errors import UsageError
from qevd_bio.pipeline.dataclass_json import to_plain
from qevd_bio.training.configuration import changed, read_toml
from qevd_bio.training.train_fusion import FusionTraining
from qevd_bio.training.train_lm_adapter import AdapterTraining

_NEXT_STEP = "See docs/ablation.md"
_OWN_KEYS = {
    "coach", "release", "work", "sentences", "motion_context", "seed", "cache_folder",
}  # fmt: skip
"""Keys of the recipes that the ablation sets itself."""


@dataclass(frozen=True, slots=True)
class Source:
    """A release and the work folder with the visual features of its videos."""

    release: Path
    work: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationConfig:
    """Configuration of an ablation.

    Attributes
    ----------
    coach : Path
        Untrained coach that every run starts from.
    source : Source
        Of the full coach; every row is scored against its sentences.
    others : mapping of str to Source
        Of the rows that need a release of their own, by row.
    rows : tuple of str
        Keys of `SWITCHES`, the full coach first.
    seeds : tuple of int
        Each row is run with each.
    split : str
        That is predicted.
    batch, most_tokens : int
        Exercises decoded together, and longest feedback.
    bf16 : bool
        Whether predictions are computed in bfloat16.
    adapter : AdapterTraining
        Of ``train lm-adapter``.
    fusion : FusionTraining or None
        Of ``train fusion``, which follows; None leaves it out of every row.
    """

    coach: Path
    source: Source
    others: Mapping[str, Source] = field(default_factory=dict)
    rows: tuple[str, ...] = tuple(SWITCHES)
    seeds: tuple[int, ...] = (0,)
    split: str = "test"
    batch: int = 8
    most_tokens: int = 64
    bf16: bool = False
    adapter: AdapterTraining = field(default_factory=AdapterTraining)
    fusion: FusionTraining | None = field(default_factory=FusionTraining)

    def source_of(self, row: str) -> Source | None:
        """Return where a row's data lies; None where its release is not given."""
        return self.others.get(row) if SWITCHES[row].made_by else self.source


def read_ablation(file: Path) -> AblationConfig:
    """Read the configuration of an ablation; relative paths start from the file's folder.

    Raises
    ------
    UsageError
        The file cannot be read, or a key or row is missing, unknown or out of range.
    """
    held = read_toml(file)
    where = str(file)
    parts = {name: _table(held.pop(name, {}), f"{where} [{name}]")
             for name in ("adapter", "fusion", "releases")}  # fmt: skip
    has_fusion = held.pop("train_fusion", True)
    if type(has_fusion) is not bool:
        raise _refused(f"train_fusion = {has_fusion!r} is neither true nor false", where)
    rows = held.get("rows", [])
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise _refused(f"rows = {rows!r} is no list of names", where)
    paths = {
        name: _path(held.pop(name, None), name, file) for name in ("coach", "release", "work")
    }
    plain = {one.name for one in fields(AblationConfig)} - {
        "coach", "source", "others", "adapter", "fusion",
    }  # fmt: skip
    for key, value in held.items():
        if key not in plain:
            raise _refused(f"unknown key '{key}'", where, suggestion(key, sorted(plain)))
        held[key] = tuple(value) if isinstance(value, list) else value
    others = {row: _source(own, row, file) for row, own in parts["releases"].items()}
    for row in (*held.get("rows", ()), *others):
        if row not in SWITCHES:
            raise _refused(f"no row is named {row!r}", where, suggestion(str(row), SWITCHES))
    config = AblationConfig(
        coach=paths["coach"],
        source=Source(paths["release"], paths["work"]),
        others=others,
        adapter=_recipe(AdapterTraining(), parts["adapter"], f"{where} [adapter]"),
        fusion=_recipe(FusionTraining(), parts["fusion"], f"{where} [fusion]")
        if has_fusion
        else None,
        **held,
    )
    _check(config, where)
    return config


def as_json(config: AblationConfig) -> dict[str, Any]:
    """Spell a configuration out, for the record of a run."""
    plain: dict[str, Any] = to_plain(config)
    return {**plain, "others": {row: to_plain(one) for row, one in config.others.items()}}


def _recipe(usual: Any, values: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
    for key in values:
        if key in _OWN_KEYS:
            raise _refused(f"'{key}' is set by the ablation", where, "Leave it out")
    return changed(usual, values, where=where)


def _check(config: AblationConfig, where: str) -> None:
    usual = AblationConfig(coach=config.coach, source=config.source)
    for one in ("batch", "most_tokens", "split", "bf16", "rows", "seeds"):
        if type(getattr(config, one)) is not type(getattr(usual, one)):
            raise _refused(f"{one} = {getattr(config, one)!r} is of the wrong type", where)
    whole = all(type(seed) is int and seed >= 0 for seed in config.seeds)
    if not config.seeds or not whole or len(set(config.seeds)) < len(config.seeds):
        raise _refused("seeds must be different whole numbers of 0 or more", where)
    if config.rows[:1] != (FULL,) or len(set(config.rows)) < len(config.rows):
        raise _refused(f"rows must be different and begin with '{FULL}'", where)
    if config.batch < 1 or config.most_tokens < 2:
        raise _refused("batch must be 1 or more, most_tokens 2 or more", where)


def _source(own: object, row: str, file: Path) -> Source:
    held = _table(own, f"{file} [releases.{row}]")
    return Source(*(_path(held.get(name), name, file) for name in ("release", "work")))


def _path(value: object, name: str, file: Path) -> Path:
    if not isinstance(value, str):
        raise _refused(f"'{name}' is no path", str(file), "Name the folder")
    return file.parent / Path(value).expanduser()


def _table(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refused("is no table", where)
    return value


def _refused(cause: str, where: str, next_step: str = _NEXT_STEP) -> UsageError:
    return UsageError(cause, where=where, next_step=next_step)
