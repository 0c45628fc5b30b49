"""Commands that do the work: plan and run."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from qevd_bio.cli.guard import DONE, SOME_FAILED, guarded, say
from qevd_bio.cli.output import emit, table
from qevd_bio.cli.setup import Json

if TYPE_CHECKING:
    from qevd_bio.pipeline.config import PipelineConfig
    from qevd_bio.pipeline.pipeline import Pipeline
    from qevd_bio.stages.body_sources import BodySources

DataRoot = Annotated[
    Path,
    typer.Option("--data-root", help="QEVD's folder. It is only read.", envvar="QEVD_BIO_DATA"),
]
Work = Annotated[
    Path, typer.Option("--work", help="Folder for artifacts and records.", envvar="QEVD_BIO_WORK")
]
Policy = Annotated[
    str,
    typer.Option(
        "--policy",
        help="evidence: rewrite only what a finding supports. "
        "paper: replace every corrective sentence by the findings.",
    ),
]
Variants = Annotated[
    bool,
    typer.Option(
        "--variants/--no-variants",
        help="Vary the wording of sentences, seeded by video and utterance.",
    ),
]
SalientJoints = Annotated[
    Path | None,
    typer.Option(
        "--salient-joints",
        help="JSON with the salient joints of segments: {video: {segment: [joints]}}. "
        "Segments it does not name keep the joints of their rule.",
    ),
]
Videos = Annotated[
    list[str] | None, typer.Option("--video", help="Only this video id; may be given again.")
]
Backend = Annotated[
    str,
    typer.Option(
        "--backend",
        help="mediapipe: measure the videos. hsmr: the same on a GPU, with imported weights. "
        "recorded: read motion files.",
    ),
]
RecordedRoot = Annotated[
    Path | None,
    typer.Option(
        "--recorded-root",
        help="Folder of HSMR-VIDEO.npy, VIDEO.mot, VIDEO.npy or VIDEO.npz; --backend recorded.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="Folder of imported weights; a folder among your user data without it. Its skel_male "
        "or smpl_male measures bodies, its hsmr serves --backend hsmr.",
        envvar="QEVD_BIO_WEIGHTS",
    ),
]
Detector = Annotated[
    str | None,
    typer.Option(
        "--detector",
        help="Who finds the person for --backend hsmr: 'landmarks', which is built in, or the "
        "folder of a transformers model.",
    ),
]
Device = Annotated[str | None, typer.Option("--device", help="cuda or cpu; --backend hsmr.")]
Precision = Annotated[
    str | None,
    typer.Option("--precision", help="fp16, bf16 or fp32; --backend hsmr. A CPU takes fp32."),
]
BatchSize = Annotated[
    int | None, typer.Option("--batch-size", help="Crops at once on a GPU; --backend hsmr.")
]
FlipEvery = Annotated[
    int | None,
    typer.Option(
        "--flip-every",
        help="Look at every so many frames mirrored, too, to know the noise; 0 never; "
        "--backend hsmr.",
    ),
]
DetectEvery = Annotated[
    int | None,
    typer.Option(
        "--detect-every", help="Seek the person in every so many frames; --backend hsmr."
    ),
]
Compiled = Annotated[
    bool | None,
    typer.Option("--compile", help="Compile the network by torch.compile; --backend hsmr."),
]
HeightM = Annotated[
    float | None,
    typer.Option("--height-m", help="The person's height in metres; without it sizes are ratios."),
]
LandmarkFile = Annotated[
    Path | None,
    typer.Option("--landmarks", help="Landmark file of that body, if not SMPL's own vertices."),
]
ShapyRoot = Annotated[
    Path | None,
    typer.Option(
        "--shapy-root",
        help="Folder of all_hsmr_shapy_measurements.json and ..._benchmark.json: bodies are taken "
        "from there and not measured.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Worker processes. Default: one a visible GPU if a stage asks for one, else one a "
        "CPU. 0 works in this process.",
    ),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard", metavar="I/N", help="Only the I-th of N parts; a video's part never changes."
    ),
]
UnitTimeout = Annotated[
    float, typer.Option("--unit-timeout-s", help="Kill a worker that is this long on one unit.")
]
StartTimeout = Annotated[
    float, typer.Option("--start-timeout-s", help="... or on starting or loading a model.")
]
Memory = Annotated[
    float | None,
    typer.Option("--memory-gb", help="... or holds more memory than this. Default: no limit."),
]
Recycle = Annotated[
    int, typer.Option("--recycle", min=1, help="Replace a worker after this many videos.")
]

On = Annotated[
    str,
    typer.Option("--on", help="local: this machine. ray: all machines of a Ray cluster."),
]
Address = Annotated[
    str | None,
    typer.Option("--address", help="Of the Ray cluster; auto: the one this machine is in."),
]


def _config(
    data_root: Path,
    policy: str,
    variants: bool,
    salient_joints: Path | None,
    backend: str,
    recorded_root: Path | None,
    height_m: float | None,
    bodies: BodySources,
    **hsmr: str | int | None,
) -> PipelineConfig:
    from qevd_bio.capture.hsmr.options import hsmr_options_for
    from qevd_bio.pipeline.config import PipelineConfig, policy_named

    return PipelineConfig(
        data_root=data_root,
        policy=policy_named(policy),
        variants=variants,
        salient_joints=salient_joints,
        backend=backend,
        recorded_root=recorded_root,
        height_m=height_m,
        bodies=bodies,
        hsmr=hsmr_options_for(backend, hsmr),
    )


def _bodies(weights: Path | None, landmarks: Path | None, shapy_root: Path | None) -> BodySources:
    from qevd_bio.stages.body_sources import BodySources
    from qevd_bio.weights.store import default_folder

    usual = default_folder()
    if weights is None and usual.is_dir():
        weights = usual
    return BodySources(weights, landmarks, shapy_root)


@guarded
def plan(
    data_root: DataRoot,
    work: Work = Path("work"),
    policy: Policy = "evidence",
    variants: Variants = False,
    salient_joints: SalientJoints = None,
    backend: Backend = "mediapipe",
    recorded_root: RecordedRoot = None,
    height_m: HeightM = None,
    weights: Weights = None,
    landmarks: LandmarkFile = None,
    shapy_root: ShapyRoot = None,
    detector: Detector = None,
    device: Device = None,
    precision: Precision = None,
    batch_size: BatchSize = None,
    flip_every: FlipEvery = None,
    detect_every: DetectEvery = None,
    compiled: Compiled = None,
    video: Videos = None,
    why: Annotated[bool, typer.Option("--why", help="List each unit that would run, and why.")] = (
        False
    ),
    as_json: Json = False,
) -> int:
    """Say what `run` would do, and because of which change, without doing it."""
    from qevd_bio.engine.plan import Action
    from qevd_bio.pipeline.pipeline import open_pipeline

    config = _config(
        data_root, policy, variants, salient_joints, backend, recorded_root, height_m,
        _bodies(weights, landmarks, shapy_root),
        weights=str(weights) if weights and backend == "hsmr" else None, detector=detector,
        device=device, precision=precision, batch_size=batch_size, flip_every=flip_every,
        detect_every=detect_every, compiled=compiled,
    )  # fmt: skip
    pipeline = open_pipeline(config, work)
    planned = pipeline.plan(tuple(video or ()))
    counts: dict[str, dict[str, int]] = {}
    for unit in planned:
        of_stage = counts.setdefault(unit.stage, dict.fromkeys(get_args(Action), 0))
        of_stage[unit.action] += 1
    lines = [table(("stage", *next(iter(counts.values()), {})), [
        (stage, *numbers.values()) for stage, numbers in counts.items()
    ])]  # fmt: skip
    todo = [unit for unit in planned if unit.action != "done"]
    if why and todo:
        rows = [(u.video_id, u.stage, u.action, "; ".join(u.why)) for u in todo]
        lines.append(table(("video", "stage", "action", "why"), rows))
    units = [
        {"video_id": u.video_id, "stage": u.stage, "action": u.action, "why": list(u.why)}
        for u in planned
    ]
    rejected = pipeline.rejected()
    _tell_source(pipeline)
    result = {"counts": counts, "units": units, "rejected": rejected, "faults": pipeline.faults()}
    emit(result, "\n\n".join(lines), as_json=as_json)
    return DONE


@guarded
def run(
    data_root: DataRoot,
    work: Work = Path("work"),
    policy: Policy = "evidence",
    variants: Variants = False,
    salient_joints: SalientJoints = None,
    backend: Backend = "mediapipe",
    recorded_root: RecordedRoot = None,
    height_m: HeightM = None,
    weights: Weights = None,
    landmarks: LandmarkFile = None,
    shapy_root: ShapyRoot = None,
    detector: Detector = None,
    device: Device = None,
    precision: Precision = None,
    batch_size: BatchSize = None,
    flip_every: FlipEvery = None,
    detect_every: DetectEvery = None,
    compiled: Compiled = None,
    video: Videos = None,
    workers: Workers = None,
    shard: ShardOption = None,
    unit_timeout_s: UnitTimeout = 3600.0,
    start_timeout_s: StartTimeout = 600.0,
    memory_gb: Memory = None,
    recycle: Recycle = 200,
    on: On = "local",
    address: Address = None,
    as_json: Json = False,
) -> int:
    """Bring every video up to date: angles, cycles, findings, sentences."""
    from qevd_bio.cli.progress import progress
    from qevd_bio.engine.execute.limits import Limits
    from qevd_bio.engine.sharding import shard_named
    from qevd_bio.pipeline.pipeline import open_pipeline

    config = _config(
        data_root, policy, variants, salient_joints, backend, recorded_root, height_m,
        _bodies(weights, landmarks, shapy_root),
        weights=str(weights) if weights and backend == "hsmr" else None, detector=detector,
        device=device, precision=precision, batch_size=batch_size, flip_every=flip_every,
        detect_every=detect_every, compiled=compiled,
    )  # fmt: skip
    pipeline = open_pipeline(config, work)
    _tell_source(pipeline)
    memory = round(memory_gb * 1e9) if memory_gb is not None else None
    part = shard_named(shard) if shard else None
    chosen = pipeline.chosen(tuple(video or ()), part)
    with progress(len(chosen) * len(pipeline.stages)) as on_event:
        summary = pipeline.run(
            tuple(video or ()),
            argv=sys.argv,
            on_event=on_event,
            report=say,
            shard=part,
            workers=workers,
            limits=Limits(unit_timeout_s, start_timeout_s, memory, recycle),
            on=on,
            address=address,
        )
    failures = [{"video_id": f.video_id, "stage": f.stage, "reason": f.reason}
                for f in summary.failures]  # fmt: skip
    rejected = pipeline.rejected()
    counts = dict(summary.counts)
    lines = [", ".join(f"{number} {word}" for word, number in counts.items())]
    if failures:
        lines.append(f"causes: qevd-bio failed --work {shlex.quote(str(work))}")
        rows = [(f["video_id"], f["stage"], f["reason"]) for f in failures]
        lines.append(table(("failed video", "stage", "reason"), rows))
    concerns = pipeline.concerns(chosen) if chosen else {}
    if concerns:
        lines.append(table(("video to look at", "because"), list(concerns.items())))
    lines.append(f"artifacts: {work}   next: qevd-bio publish --work {shlex.quote(str(work))}")
    result = {"counts": counts, "failures": failures, "rejected": rejected,
              "faults": pipeline.faults(), "concerns": concerns,
              "work": str(work)}  # fmt: skip
    emit(result, "\n".join(lines), as_json=as_json)
    return SOME_FAILED if failures or rejected else DONE


def _tell_source(pipeline: Pipeline) -> None:
    """Say on stderr what is wrong with the source records."""
    for line in pipeline.rejected():
        say(f"rejected: {line}")
    for line in pipeline.faults():
        say(f"fault of the source: {line}")
    if not pipeline.sessions.by_id:
        say("the source holds no record that can be used")
