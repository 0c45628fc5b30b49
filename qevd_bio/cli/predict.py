"""The command that lets a coach speak: about exercises of a release, or while a video plays."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qevd_bio.choices import Device, SpeakingMode
from qevd_bio.cli.errors import DONE, guarded, report
from qevd_bio.cli.options import Json, Work
from qevd_bio.cli.output import emit
from qevd_bio.errors import UsageError
from qevd_bio.files.visible_text import visible

if TYPE_CHECKING:
    from qevd_bio.evaluation.predicting import PredictionConfig
    from qevd_bio.model.coach_folder import Coach


Release = Annotated[
    Path | None,
    typer.Option("--release", metavar="DIR", help="Release whose exercises are coached."),
]
Live = Annotated[
    str | None,
    typer.Option("--live", metavar="VIDEO", help="Speak while this video of --work plays."),
]
Speed = Annotated[
    float, typer.Option("--speed", min=0.0, help="Of --live: 1 is real time, 0 does not wait.")
]
Split = Annotated[str, typer.Option("--split", help="Split of the release.")]
Mode = Annotated[
    SpeakingMode,
    typer.Option(
        "--mode",
        help="fixed: frames pass while it speaks, times are those of frames. official: the "
        "published loop.",
    ),
]
MostTokens = Annotated[
    int, typer.Option("--most-tokens", min=2, help="Longest feedback, in the fixed mode.")
]
Temperature = Annotated[
    float, typer.Option("--temperature", min=0.0, help="0 takes the likeliest token.")
]
Seed = Annotated[int, typer.Option("--seed", help="Of the draw of tokens.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Exercises decoded together.")]
Where = Annotated[Device, typer.Option("--device", help="Where it is computed.")]
Bf16 = Annotated[bool, typer.Option("--bf16", help="Compute in bfloat16.")]
NoMotionContext = Annotated[
    bool, typer.Option("--no-motion-context", help="For a coach that was trained without.")
]
NoMorphology = Annotated[
    bool, typer.Option("--no-morphology", help="Do not tell the body's measures.")
]
Name = Annotated[str, typer.Option("--name", help="Of the system, in tables.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for predictions.json and .parquet.")]


@guarded
def predict(
    coach: Annotated[Path, typer.Argument(help="Folder of a coach.")],
    work: Work,
    release: Release = None,
    live: Live = None,
    speed: Speed = 1.0,
    split: Split = "test",
    mode: Mode = "fixed",
    most_tokens: MostTokens = 128,
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    batch: Batch = 8,
    device: Where = "cpu",
    bf16: Bf16 = False,
    no_motion_context: NoMotionContext = False,
    no_morphology: NoMorphology = False,
    name: Name = "coach",
    out: Out = Path("predictions"),
    as_json: Json = False,
) -> int:
    """Let a coach speak: predictions in the challenge's format and as Parquet."""
    from qevd_bio.evaluation.predicting import PredictionConfig, open_coach
    from qevd_bio.model.generate import GenerationConfig

    if (release is None) == (live is None):
        raise UsageError(
            "give either --release or --live",
            where="predict",
            next_step="--release for all exercises of a split, --live for a video",
        )
    config = PredictionConfig(
        split=split,
        generation=GenerationConfig(mode, most_tokens, temperature, seed),
        batch=batch,
        motion_context=not no_motion_context,
        morphology=not no_morphology,
        name=name,
    )
    loaded = open_coach(coach, device, bf16=bf16)
    if release is not None:
        return _of_release(loaded, release, work, config, out, as_json=as_json)
    return _live(loaded, live or "", work, config, speed, out, as_json=as_json)


def _of_release(
    coach: Coach,
    release: Path,
    work: Path,
    config: PredictionConfig,
    out: Path,
    *,
    as_json: bool,
) -> int:
    from qevd_bio.evaluation import predicting
    from qevd_bio.model.visual_features import features_of_work

    found = predicting.predict(
        coach,
        release,
        features_of_work(work).read,
        config,
        lambda done, of: report(f"{done} of {of} exercises"),
    )
    files = predicting.write_predicted(out, found)
    count = sum(map(len, found.said.values()))
    text = f"{count} sentences in {len(found.said)} exercises"
    if found.endless:
        text += f"; {found.endless} given up because a feedback would not end"
    emit(
        {"sentences": count, "exercises": len(found.said), "endless": found.endless,
         "notes": found.notes, "files": files},
        "\n".join([text, *map(str, files)]),
        as_json=as_json,
    )  # fmt: skip
    return DONE


def _live(
    coach: Coach,
    video: str,
    work: Path,
    config: PredictionConfig,
    speed: float,
    out: Path,
    *,
    as_json: bool,
) -> int:
    from qevd_bio.evaluation.live import open_video, play
    from qevd_bio.evaluation.predicting import Predicted, write_predicted
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    played = open_video(reopen_pipeline(work), video)
    began, first_s, said = time.monotonic(), float(played.motion.time_s[0]), {}
    for one in play(coach, played, config):
        if speed > 0:
            time.sleep(max(0.0, (one.now_s - first_s) / speed - (time.monotonic() - began)))
        if one.spoken is None:
            said[one.key] = one.whole
        elif not as_json:
            print(visible(f"{one.spoken.time_s - first_s:7.2f} s  {one.spoken.text}"), flush=True)
    files = write_predicted(out, Predicted(said, config.notes(coach, ""), 0))
    emit({"files": files, "exercises": len(said)}, "\n".join(map(str, files)), as_json=as_json)
    return DONE
