"""What decides the results of a pipeline, and how it is kept in a file."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from qevd_bio.capture.hsmr.options import HsmrOptions, hsmr_options_for
from qevd_bio.choices import BackendName, Policy
from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.pipeline.dataclass_json import Differences, from_plain, to_plain
from qevd_bio.pipeline.settings import Settings, in_folder
from qevd_bio.stages.body_sources import BodySources
from qevd_bio.weights.store import default_folder

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """What decides the results of a run.

    Attributes
    ----------
    data_root : Path
        QEVD's folder; only read.
    policy : str
        ``evidence`` or ``paper``, see `qevd_bio.feedback.finding_choice`.
    variants : bool
        Whether sentences vary in style.
    salient_joints : Path or None
        Annotation of salient joints; None: those of the rules.
    rules : Path or None
        Folder of rules that are added to the shipped ones or replace them.
    videos_csv : Path or None
        Table of what is known of each video; None: ``videos.csv`` of the data root, if it exists.
    backend : str
        One of `capture.backend.BACKENDS`.
    recorded_root : Path or None
        Folder of recorded motion; for the backend ``recorded``.
    height_m : float or None
        Height of the person in every video; None: the scale is unknown.
    bodies : BodySources
        Where measurements of bodies come from.
    hsmr : HsmrOptions or None
        For the backend ``hsmr``.
    """

    data_root: Path
    policy: Policy = "evidence"
    variants: bool = False
    salient_joints: Path | None = None
    rules: Path | None = None
    videos_csv: Path | None = None
    backend: BackendName = "mediapipe"
    recorded_root: Path | None = None
    height_m: float | None = None
    bodies: BodySources = field(default_factory=BodySources)
    hsmr: HsmrOptions | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """Return the configuration as JSON values, with absolute paths."""
        plain: dict[str, JsonValue] = to_plain(self)
        return plain


def config_of(settings: Settings) -> PipelineConfig:
    """Choose the configuration that the user's settings ask for.

    Raises
    ------
    UsageError
        Options of HSMR are given for another backend.
    """
    usual = default_folder()
    weights, detector = settings.weights, in_folder("detector", settings.detector, Path.cwd())
    asked = {
        "weights": str(weights.absolute()) if weights else None,
        "detector": None if detector is None else str(detector),
        "device": settings.device,
        "precision": settings.precision,
        "batch_size": settings.batch_size,
        "flip_every": settings.flip_every,
        "detect_every": settings.detect_every,
        "compiled": settings.compile,
    }
    if settings.backend != "hsmr":
        del asked["weights"]  # another backend measures bodies with them
    return PipelineConfig(
        data_root=settings.data_root,
        policy=settings.policy,
        variants=settings.variants,
        salient_joints=settings.salient_joints,
        rules=settings.rules,
        videos_csv=settings.videos_csv,
        backend=settings.backend,
        recorded_root=settings.recorded_root,
        height_m=settings.height_m,
        bodies=BodySources(
            weights or (usual if usual.is_dir() else None),
            settings.landmarks,
            settings.shapy_root,
        ),
        hsmr=hsmr_options_for(settings.backend, asked),
    )


def config_from(content: JsonValue, *, where: str) -> PipelineConfig:
    """Read what `PipelineConfig.as_json` wrote in this version or another.

    Keys that are absent have their defaults, keys that are not known are ignored; a warning
    in the log of this module names both.

    Raises
    ------
    DataError
        It is no configuration.
    """
    differences = Differences()
    try:
        config = from_plain(PipelineConfig, _with_backend(content), differences)
    except ValueError as error:
        raise DataError(
            f"holds no configuration of a run: {error}",
            where=where,
            next_step="Run `qevd-bio run` with its options again; finished units are kept",
        ) from error
    if differences.absent:
        names = ", ".join(differences.absent)
        _LOG.warning("%s: keys of this version are absent and have defaults: %s", where, names)
    if differences.unknown:
        names = ", ".join(differences.unknown)
        _LOG.warning("%s: keys of another version are ignored: %s", where, names)
    return config


def _with_backend(content: JsonValue) -> JsonValue:
    """Name the backend that versions without this key chose by its options."""
    if not isinstance(content, dict) or "backend" in content:
        return content
    options = {"hsmr": content.get("hsmr"), "recorded": content.get("recorded_root")}
    named = [backend for backend, value in options.items() if value is not None]
    return {**content, "backend": named[0]} if named else content
