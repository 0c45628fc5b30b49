"""Commands for a first look: demo, doctor, synth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.cli.asking import EndpointUrl, KeyFile, Model, TimeoutS
from qevd_bio.cli.errors import DONE, FAILED, guarded, report
from qevd_bio.cli.options import Json, References, UserRules, Work, completes, rule_ids
from qevd_bio.cli.output import emit, table

_REPEATABLE = "Can be given again: all combinations are rendered."


@guarded
def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Folder to write; it must be new or an earlier demo.")
    ] = Path("qevd-bio-demo"),
    as_json: Json = False,
) -> int:
    """Render three small videos, run everything on them, show the results."""
    from qevd_bio.demo.demo import run_demo

    shown = run_demo(out, message=report, table=table)
    emit(shown.as_json(), shown.as_text(table), as_json=as_json)
    return FAILED if shown.failures else DONE


@guarded
def doctor(
    work: Work,
    data_root: Annotated[
        Path | None, typer.Option("--data-root", help="Check this source folder, too.")
    ] = None,
    endpoint: EndpointUrl = None,
    model: Model = None,
    key_file: KeyFile = None,
    timeout_s: TimeoutS = 60.0,
    as_json: Json = False,
) -> int:
    """Check the environment line by line, with the command that fixes it."""
    from qevd_bio.environment import examine
    from qevd_bio.llm.endpoint import Endpoint, found_key

    def named() -> Endpoint:
        key = found_key(key_file, os.environ)
        return Endpoint(endpoint or "", model or "", key=key, timeout_s=timeout_s, retries=1)

    checks = examine(work, data_root, named if endpoint else None)
    rows = [(c.state, c.name, f"{c.detail}{f'  ->  {c.fix}' if c.fix else ''}") for c in checks]
    emit(checks, table(("", "what", "found"), rows), as_json=as_json)
    return FAILED if any(check.state == "fail" for check in checks) else DONE


@guarded
def synth(
    out: Annotated[Path, typer.Argument(help="New or empty folder.")],
    user_rules: UserRules,
    references: References = None,
    exercise: Annotated[
        list[str] | None,
        typer.Option("--exercise", help=f"Default: squat. {_REPEATABLE}", autocompletion=rule_ids),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(
            "--view",
            help=f"front, oblique45, side or floor_side. {_REPEATABLE}",
            autocompletion=completes("synthetic.scene", lambda scene: scene.VIEWS),
        ),
    ] = None,
    build: Annotated[
        list[str] | None,
        typer.Option(
            "--build",
            help=f"man, woman or heavy. {_REPEATABLE}",
            autocompletion=completes("synthetic.body_mesh", lambda mesh: mesh.BUILDS),
        ),
    ] = None,
    form_error: Annotated[
        str,
        typer.Option(
            "--form-error",
            help="Form error of every repetition.",
            autocompletion=completes("synthetic.form_errors", lambda known: known.FORM_ERRORS),
        ),
    ] = "",
    reps: Annotated[int, typer.Option("--reps", help="Repetitions.")] = 5,
    seconds: Annotated[float, typer.Option("--seconds", help="Of one repetition.")] = 2.2,
    fps: Annotated[int, typer.Option("--fps", help="Frames a second.")] = 16,
    seed: Annotated[int, typer.Option("--seed", help="Of variation and clothes.")] = 1,
    as_json: Json = False,
) -> int:
    """Render people with exactly known angles: mp4, npz and truth.json."""
    from qevd_bio.cli.progress import frame_progress
    from qevd_bio.exercises.given_references import with_references
    from qevd_bio.exercises.load import load_rules
    from qevd_bio.exercises.names import rule_named
    from qevd_bio.synthetic.clips import clips_wanted, frames_of, make_clips

    rules = with_references(load_rules(user_rules, drafts=True), references)
    named = [rule_named(name, rules, where="--exercise") for name in exercise or ["squat"]]
    clips = clips_wanted(
        named, view or [], build or ["man"],
        form_error=form_error, repetitions=reps, repetition_s=seconds, rate_hz=fps, seed=seed,
    )  # fmt: skip
    frames = [frames_of(clip) for clip in clips]
    with frame_progress(sum(frames)) as on_frame:
        videos = make_clips(out, clips, on_frame)
    rows = [(str(video), count) for video, count in zip(videos, frames, strict=True)]
    result = {"folder": str(out), "videos": [{"video": v, "frames": n} for v, n in rows]}
    emit(result, table(("frames", "video"), [(n, v) for v, n in rows]), as_json=as_json)
    return DONE
