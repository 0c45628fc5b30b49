"""The stages in their order, laid out for a configuration."""

from __future__ import annotations

from collections.abc import Mapping

from qevd_bio.capture.body_size import checked_height_m
from qevd_bio.engine.stage import Stage
from qevd_bio.feedback.rule_check import usable_rules
from qevd_bio.feedback.second_opinions import read_opinions
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.pipeline.config import PipelineConfig, config_from
from qevd_bio.pipeline.videos_csv import VideoFacts, load_videos_csv
from qevd_bio.stages.activations import ActivationsStage
from qevd_bio.stages.annotations import AnnotationsStage
from qevd_bio.stages.backends import backend_named
from qevd_bio.stages.body_sources import checked_sources
from qevd_bio.stages.contexts import ContextsStage
from qevd_bio.stages.cycles import CyclesStage
from qevd_bio.stages.features import FeaturesStage
from qevd_bio.stages.findings import FindingsStage
from qevd_bio.stages.kinematics import KinematicsStage
from qevd_bio.stages.morphometrics import MorphometricsStage
from qevd_bio.stages.quality import QualityStage
from qevd_bio.stages.salience import SalienceStage, with_salience
from qevd_bio.stages.sessions import Sessions, load_sessions


def lay_out(
    config: PipelineConfig,
) -> tuple[Sessions, dict[str, VideoFacts], tuple[Stage, ...]]:
    """Read source data and rules, and lay the stages out, each after those it reads from.

    Raises
    ------
    QevdBioError
        An option, or a file that it names, cannot be used.
    """
    if config.height_m is not None:
        checked_height_m(config.height_m)
    backend = backend_named(
        config.backend,
        detector_model=config.detector_model,
        recorded_root=config.recorded_root,
        hsmr=config.hsmr,
    )
    rules = usable_rules(config.rules, config.references)
    sessions = load_sessions(config.data_root, rules, config.salient_joints)
    facts = load_videos_csv(config.videos_csv, config.data_root)
    heights = {video: one.height_m for video, one in facts.items() if one.height_m is not None}
    seen: tuple[Stage, ...] = ()
    if config.features is not None:
        seen = (FeaturesStage.from_options(sessions, config.features),)
    chosen = () if config.selector is None else (SalienceStage.of(sessions, config.selector),)
    stages: tuple[Stage, ...] = (
        KinematicsStage(sessions, backend, config.height_m, heights),
        MorphometricsStage(sessions, checked_sources(config.bodies)),
        CyclesStage(sessions),
        QualityStage(sessions),
        *((*seen, *chosen) if chosen else ()),
        FindingsStage(sessions, reads=with_salience(FindingsStage, chosen)),
        ContextsStage(sessions, policy=config.policy, reads=with_salience(ContextsStage, chosen)),
        AnnotationsStage(
            sessions,
            policy=config.policy,
            variants=config.variants,
            opinions=read_opinions(config.kinds) if config.kinds else {},
            reads=with_salience(AnnotationsStage, chosen),
        ),
        *(() if chosen else seen),
        *(() if config.muscles is None else (ActivationsStage.from_options(config.muscles),)),
    )
    return sessions, facts, stages


def worker_stages(config: Mapping[str, JsonValue]) -> tuple[Stage, ...]:
    """Lay the stages out in a worker process, from what `PipelineConfig.as_json` returned."""
    _, _, stages = lay_out(config_from(dict(config), where="configuration of the run"))
    return stages
