"""What decides the results of a pipeline, and how it is kept in a file."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from qevd_bio.capture.hsmr.options import HsmrOptions, hsmr_options_for
from qevd_bio.choices import BackendName, DetectorModel, Policy
from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.salience import SalienceSource
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.pipeline.dataclass_json import Differences, from_plain, to_plain
from qevd_bio.pipeline.settings import SELECTOR_PREFIX, Settings, in_folder
from qevd_bio.stages.activations import MuscleOptions
from qevd_bio.stages.body_sources import BodySources
from qevd_bio.stages.features import FeatureOptions
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
    kinds : Path or None
        Second opinions about the kinds of sentences; None: the lexicon decides alone.
    salient_joints : Path or None
        Annotation of salient joints; None: those of the rules.
    selector : Path or None
        Folder of the joint selector that chooses them instead, from the visual features.
    rules : Path or None
        Folder of rules that are added to the shipped ones or replace them.
    references : Path or None
        Folder of references that take the place of the rules' own.
    videos_csv : Path or None
        Table of what is known of each video; None: ``videos.csv`` of the data root, if it exists.
    backend : str
        One of `capture.backend.BACKENDS`.
    detector_model : str or None
        ``heavy`` or ``full``, for the backend ``mediapipe``; None: ``heavy``.
    recorded_root : Path or None
        Folder of recorded motion; for the backend ``recorded``.
    height_m : float or None
        Height of the person in every video; None: the scale is unknown.
    bodies : BodySources
        Where measurements of bodies come from.
    hsmr : HsmrOptions or None
        For the backend ``hsmr``.
    features : FeatureOptions or None
        The visual features to compute; None: none.
    muscles : MuscleOptions or None
        The muscle activations to simulate; None: none.
    """

    data_root: Path
    policy: Policy = "evidence"
    variants: bool = False
    salient_joints: Path | None = None
    rules: Path | None = None
    videos_csv: Path | None = None
    backend: BackendName = "mediapipe"
    detector_model: DetectorModel | None = None
    recorded_root: Path | None = None
    height_m: float | None = None
    bodies: BodySources = field(default_factory=BodySources)
    hsmr: HsmrOptions | None = None
    features: FeatureOptions | None = None
    selector: Path | None = None
    kinds: Path | None = None
    muscles: MuscleOptions | None = None
    references: Path | None = None

    @property
    def salient_source(self) -> SalienceSource:
        """What chooses the salient joints."""
        if self.selector is not None:
            return "selector"
        return "rules" if self.salient_joints is None else "annotation"

    def as_json(self) -> dict[str, JsonValue]:
        """Return the configuration as JSON values, with absolute paths."""
        plain: dict[str, JsonValue] = to_plain(self)
        return plain


def config_of(settings: Settings) -> PipelineConfig:
    """Choose the configuration that the user's settings ask for.

    Raises
    ------
    UsageError
        Options of HSMR are given for another backend, or of features without features.
    """
    usual, joints = default_folder(), settings.salient_joints
    selector = bool(joints and joints.startswith(SELECTOR_PREFIX))
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
        kinds=settings.kinds,
        variants=settings.variants,
        salient_joints=None if selector or not joints else Path(joints),
        rules=settings.rules,
        references=settings.references,
        videos_csv=settings.videos_csv,
        backend=settings.backend,
        detector_model=settings.detector_model,
        recorded_root=settings.recorded_root,
        height_m=settings.height_m,
        bodies=BodySources(
            weights or (usual if usual.is_dir() else None),
            settings.landmarks,
            settings.shapy_root,
        ),
        hsmr=hsmr_options_for(settings.backend, asked),
        features=_features_of(settings),
        selector=Path(joints.removeprefix(SELECTOR_PREFIX)) if joints and selector else None,
        muscles=_muscles_of(settings),
    )


def _muscles_of(settings: Settings) -> MuscleOptions | None:
    """Choose the activations that are asked for; `UsageError` for a scale without a model."""
    if settings.muscles is not None:
        scale = settings.passive_scale
        return MuscleOptions(settings.muscles, 1.0 if scale is None else scale)
    if settings.passive_scale is not None:
        raise UsageError(
            "no muscles are asked for",
            where="--passive-scale",
            next_step="Give --muscles MODEL.osim as well, or leave it out",
        )
    return None


def _features_of(settings: Settings) -> FeatureOptions | None:
    """Choose the visual features that are asked for; `UsageError` for options without them."""
    needed = (settings.salient_joints or "").startswith(SELECTOR_PREFIX)
    if settings.features is not None or needed:
        return FeatureOptions(
            network=settings.features or "auto",
            turn=settings.features_turn or "upright",
            device=settings.features_device,
            weights=settings.weights.absolute() if settings.weights else None,
        )
    if settings.features_turn is not None or settings.features_device is not None:
        raise UsageError(
            "no features are asked for",
            where="--features-turn, --features-device",
            next_step="Give --features auto as well, or leave them out",
        )
    return None


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
