"""What a run of the pipeline is asked for, and how a file or a worker is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

from qevd_bio.capture.backend import MEDIAPIPE
from qevd_bio.capture.hsmr.options import HsmrOptions
from qevd_bio.errors import DataError, UsageError
from qevd_bio.feedback.style import Policy
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.stages.body_sources import BodySources


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """What a run is asked for.

    Attributes
    ----------
    data_root : Path
        QEVD's folder; only read.
    policy : str
        ``evidence`` or ``paper``, see `qevd_bio.feedback.choice`.
    variants : bool
        Whether sentences vary in their wording.
    salient_joints : Path or None
        Annotation of salient joints; None: those of the rules.
    backend : str
        One of `capture.backend.BACKENDS`.
    recorded_root : Path or None
        Folder of recorded motion; for the backend ``recorded``.
    height_m : float or None
        Height of the person in every video; None leaves the scale open.
    bodies : BodySources
        Where measurements of bodies come from.
    hsmr : HsmrOptions or None
        For the backend ``hsmr``.
    """

    data_root: Path
    policy: Policy = "evidence"
    variants: bool = False
    salient_joints: Path | None = None
    backend: str = MEDIAPIPE
    recorded_root: Path | None = None
    height_m: float | None = None
    bodies: BodySources = field(default_factory=BodySources)
    hsmr: HsmrOptions | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """Spell the configuration out."""
        return {
            "data_root": str(self.data_root.absolute()),
            "policy": self.policy,
            "variants": self.variants,
            "salient_joints": _absolute(self.salient_joints),
            "backend": self.backend,
            "recorded_root": _absolute(self.recorded_root),
            "height_m": self.height_m,
            "bodies": self.bodies.as_json(),
            "hsmr": None if self.hsmr is None else self.hsmr.as_json(),
        }


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


def policy_named(name: str) -> Policy:
    """Check the name of a policy.

    Raises
    ------
    UsageError
        There is no such policy.
    """
    for policy in get_args(Policy):
        if name == policy:
            return cast("Policy", policy)
    raise UsageError(
        "no such policy",
        where=f"policy {name}",
        next_step=f"Use one of {', '.join(get_args(Policy))}",
    )


def config_from(content: JsonValue, *, where: str) -> PipelineConfig:
    """Read what `PipelineConfig.as_json` wrote.

    Raises
    ------
    DataError
        Another version wrote it.
    """
    known = set(PipelineConfig(Path()).as_json())
    if not isinstance(content, Mapping) or set(content) != known:
        raise DataError(
            "not written by this version",
            where=where,
            next_step="Run `qevd-bio run` again; finished work is kept",
        )
    salient, recorded = content["salient_joints"], content["recorded_root"]
    height = content["height_m"]
    return PipelineConfig(
        data_root=Path(str(content["data_root"])),
        policy=policy_named(str(content["policy"])),
        variants=content["variants"] is True,
        salient_joints=Path(salient) if isinstance(salient, str) else None,
        backend=str(content["backend"]),
        recorded_root=Path(recorded) if isinstance(recorded, str) else None,
        height_m=float(height) if isinstance(height, int | float) else None,
        bodies=BodySources.from_json(content["bodies"], where=where),
        hsmr=None
        if content["hsmr"] is None
        else HsmrOptions.from_json(content["hsmr"], where=where),
    )
