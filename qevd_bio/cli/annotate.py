"""Commands that ask for annotations: salient joints of segments, kinds of sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qevd_bio.cli.asking import Asking, asks_a_model
from qevd_bio.cli.errors import DONE, SOME_FAILED, guarded, report
from qevd_bio.cli.help_groups import Command, command_group
from qevd_bio.cli.options import DataRoot, Json, UserRules, Videos
from qevd_bio.cli.output import emit, table
from qevd_bio.errors import UsageError

if TYPE_CHECKING:
    from qevd_bio.stages.sessions import Sessions

annotate_app = command_group("Ask a model for salient joints or kinds of sentences.")

_SHOWN = 20

Judge = Literal["model", "neighbours"]


@annotate_app.command("joints", cls=Command)
@guarded
@asks_a_model
def joints(
    asking: Asking,
    out: Annotated[Path, typer.Argument(help="Folder to write; may be there already.")],
    data_root: DataRoot,
    user_rules: UserRules,
    video: Videos = None,
    frames: Annotated[int, typer.Option("--frames", help="Most pictures of a segment.")] = 8,
    side_px: Annotated[
        int, typer.Option("--side-px", help="Longest side of a picture in pixels.")
    ] = 512,
    passes: Annotated[
        int, typer.Option("--passes", min=1, max=9, help="How often each segment is asked about.")
    ] = 2,
    as_json: Json = False,
) -> int:
    """Let a vision-language model name the salient joints of each segment, from its pictures."""
    from qevd_bio.annotate.joint_annotation import AskedJoints, ask_joints
    from qevd_bio.annotate.joint_files import JOINTS_FILE
    from qevd_bio.annotate.joint_report import write_annotation
    from qevd_bio.annotate.segment_frames import FrameChoice

    choice, asked = FrameChoice(frames, side_px), AskedJoints()
    sessions, videos = _sessions(data_root, user_rules, video)
    with asking.client(out / "answers.jsonl") as client:
        try:
            ask_joints(sessions, videos, client, frames=choice, passes=passes, into=asked)
        finally:
            figures = write_annotation(out, asked)
    for reason in asked.skipped.values():
        report(f"left out: {reason}")
    path = out / JOINTS_FILE
    text = f"{_figures_text(figures)}\n\nuse it: qevd-bio run --salient-joints {path}"
    emit({"file": path, **figures}, text, as_json=as_json)
    return SOME_FAILED if asked.skipped else DONE


@annotate_app.command("reviewed", cls=Command)
@guarded
def reviewed(
    folder: Annotated[Path, typer.Argument(help="Folder that `annotate joints` wrote.")],
    as_json: Json = False,
) -> int:
    """Put what experts decided on the review page into the file of salient joints."""
    from qevd_bio.annotate.joint_files import JOINTS_FILE
    from qevd_bio.annotate.joint_review import apply_reviews

    figures = apply_reviews(folder)
    text = f"{_figures_text(figures)}\n\nwritten: {folder / JOINTS_FILE}"
    emit({"file": folder / JOINTS_FILE, **figures}, text, as_json=as_json)
    return DONE


@annotate_app.command("kinds", cls=Command)
@guarded
@asks_a_model
def kinds(
    asking: Asking,
    out: Annotated[
        Path, typer.Argument(help="CSV to write. In one that exists, decisions of people stay.")
    ],
    data_root: DataRoot,
    user_rules: UserRules,
    video: Videos = None,
    by: Annotated[
        Judge,
        typer.Option(
            "--by", help="neighbours: examples that are near in meaning vote, without a server."
        ),
    ] = "model",
    encoder: Annotated[
        Path | None,
        typer.Option("--encoder", help="sentence-transformers folder; --by neighbours."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Ask for a second opinion on the kinds of sentences, and list where it differs."""
    from qevd_bio.annotate.second_opinions import (
        model_opinions,
        neighbour_opinions,
        sentences_of,
        write_opinions,
    )
    from qevd_bio.annotate.sentence_encoder import load_encoder

    if (encoder is None) == (by == "neighbours"):
        raise UsageError(
            f"--by {by} takes {'a folder' if by == 'neighbours' else 'none'}",
            where="--encoder",
            next_step="Give --by neighbours --encoder FOLDER, or neither for a language model",
        )
    sessions, videos = _sessions(data_root, user_rules, video)
    sentences = sentences_of(sessions, videos)
    if encoder is not None:
        summary = write_opinions(out, neighbour_opinions(sentences, load_encoder(encoder)))
    else:
        with asking.client(out.with_suffix(".answers.jsonl")) as client:
            summary = write_opinions(out, model_opinions(sentences, client))
    differ = [(one.lexicon, one.opinion, one.sentence) for one in summary.open[:_SHOWN]]
    counts = {
        "sentences": summary.sentences,
        "agreed": summary.agreed,
        "open": len(summary.open),
        "decided": summary.decided,
        "unscored": dict(summary.unscored),
    }
    parts = [_figures_text(counts)]
    if differ:
        parts.append(table(("lexicon", "opinion", "sentence"), differ))
        parts.append(f"decide in {out}, columns decided and decided_by; {len(summary.open)} wait")
    parts.append(f"use it: qevd-bio run --kinds {out}")
    emit({"file": out, **counts}, "\n\n".join(parts), as_json=as_json)
    return DONE


def _sessions(
    data_root: Path | None, user_rules: Path | None, video: list[str] | None
) -> tuple[Sessions, tuple[str, ...]]:
    """Read the source data, and choose the videos."""
    from qevd_bio.feedback.rule_check import usable_rules
    from qevd_bio.stages.sessions import chosen_videos, load_sessions

    if data_root is None:
        raise UsageError("is missing", where="--data-root", next_step="Name QEVD's folder")
    sessions = load_sessions(data_root, usable_rules(user_rules))
    return sessions, chosen_videos(sessions, tuple(video or ()))


def _figures_text(figures: dict[str, Any]) -> str:
    """Lay figures out, a line each; nested ones by their names."""
    lines = []
    for name, value in figures.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {_short(one)}" for key, one in value.items()) or "none"
        lines.append(f"{name.replace('_', ' ')}: {_short(value)}")
    return "\n".join(lines)


def _short(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(one)}" for key, one in value.items())
    return "none" if value is None else value
