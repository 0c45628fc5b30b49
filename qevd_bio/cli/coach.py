"""The command that coaches any video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qevd_bio.choices import DetectorModel
from qevd_bio.cli.errors import DONE, FAILED, SOME_FAILED, guarded, report
from qevd_bio.cli.options import Json, References, rule_ids
from qevd_bio.cli.output import emit, table
from qevd_bio.errors import UsageError
from qevd_bio.pipeline.settings import SETTINGS_FILE

if TYPE_CHECKING:
    from qevd_bio.coach.settings import CoachSettings

_Videos = Annotated[
    list[Path] | None, typer.Argument(help="Video files, or folders of them; - with --live.")
]
_Exercise = Annotated[
    str | None,
    typer.Option("--exercise", help="What is done in VIDEOS, or auto.", autocompletion=rule_ids),
]
_Against = Annotated[
    list[Path] | None,
    typer.Option(
        "--against",
        metavar="GOLD",
        help="Compare with this gold video or folder, or with reference: the rule's own. Can be "
        "given again.",
    ),
]
_Height = Annotated[
    float | None,
    typer.Option("--height-m", help="The person's height; without it sizes are ratios."),
]
_Start = Annotated[float | None, typer.Option("--start", help="Look only from this second on.")]
_End = Annotated[float | None, typer.Option("--end", help="... and up to this one.")]
_Out = Annotated[Path | None, typer.Option("--out", help="Results; default: folder coach.")]
_Rules = Annotated[
    Path | None, typer.Option("--rules", metavar="DIR", help="Folder of your own rules.")
]
_Detector = Annotated[
    DetectorModel | None,
    typer.Option("--detector-model", help="full takes a fourth of the time and is less exact."),
]
_LongestSide = Annotated[
    int | None,
    typer.Option("--longest-side", help="Of the annotated video, pixels. Default: 960."),
]
_Live = Annotated[
    bool,
    typer.Option("--live", help="Play the one VIDEO in real time (- for a pipe), and coach live."),
]
_Camera = Annotated[
    int | None, typer.Option("--camera", help="Coach live before this camera, such as 0.")
]
_Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help=f"File with these options in [coach]. Default: {SETTINGS_FILE}, if it exists.",
    ),
]


@guarded
def coach(
    videos: _Videos = None,
    exercise: _Exercise = None,
    against: _Against = None,
    height_m: _Height = None,
    start_s: _Start = None,
    end_s: _End = None,
    out: _Out = None,
    rules: _Rules = None,
    references: References = None,
    detector_model: _Detector = None,
    longest_side: _LongestSide = None,
    live: _Live = False,
    camera: _Camera = None,
    config: _Config = None,
    as_json: Json = False,
) -> int:
    """Count and check the repetitions in any video; a page, tables and an annotated video."""
    from qevd_bio.cli.progress import RunDisplay
    from qevd_bio.coach.coach import coach_videos
    from qevd_bio.coach.settings import settings_with

    given: dict[str, Any] = {"exercise": exercise, "start_s": start_s, "end_s": end_s}
    given |= {"against": tuple(against or ()), "height_m": height_m, "out": out, "rules": rules}
    given |= {"detector_model": detector_model, "longest_side": longest_side}
    given |= {"references": references}
    settings = settings_with(given, config)
    if live or camera is not None:
        return _live(videos or [], camera, settings, as_json=as_json)
    if not videos:
        raise UsageError("names no video", where="coach", next_step="Give VIDEO, or --camera 0")
    with RunDisplay(len(videos)) as display:
        result = coach_videos(videos, settings, on_event=display.on_event)
    for failure in result.failed:
        report(f"failed: {failure.source}: {failure.reason}")
    failed = [{"source": str(one.source), "reason": one.reason} for one in result.failed]
    emit(
        {"videos": result.videos, "failed": failed},
        "\n\n".join(map(_text, result.videos)),
        as_json=as_json,
    )
    if not failed:
        return DONE
    return SOME_FAILED if result.videos else FAILED


def _live(
    videos: list[Path], camera: int | None, settings: CoachSettings, *, as_json: bool
) -> int:
    """Coach live: the picture in a browser, repetitions on stderr, the result on stdout."""
    from qevd_bio.coach.live_page import live_page
    from qevd_bio.coach.live_session import live_session
    from qevd_bio.views.formatting import counted

    with live_page() as page:
        report(f"live picture: {page.address}   Ctrl-C ends the session")
        result = live_session(
            videos,
            camera,
            settings,
            on_heard=lambda one: report(
                f"{one.number}: {one.sentence or 'no form error measured'}"
            ),
            on_picture=page.show,
            on_remark=report,
        )
    whole = counted(result.whole_count, "repetition")
    text = (
        f"{result.exercise}: {whole}, {result.count} told live\n"
        f"{result.frames} pictures, {result.rate_hz:g} a second, {result.dropped} dropped\n"
        f"recording: {result.recording}"
    )
    emit(result, text, as_json=as_json)
    return DONE


def _text(video: dict[str, Any]) -> str:
    """Write what a video came to: count, repetitions, the most important, where to look."""
    lines = [f"{video['video_id']}: {video['exercise']['title']}, {video['count_words']}"]
    lines += video["remarks"]
    lines += [f"look at the capture: {one}" for one in video["concerns"]]
    if video["reason"]:
        lines.append(f"none found: {video['reason']}")
    rows = [
        (
            one["repetition"],
            one["set"],
            f"{one['start_s']:.1f}-{one['end_s']:.1f}",
            " ".join(one["sentences"]) or "no form error measured",
        )
        for one in video["repetitions"]
    ]
    if rows:
        lines.append(table(("repetition", "set", "seconds", "what to change"), rows))
    for number, one in enumerate(video["most_important"], start=1):
        found = len(one["repetitions"])
        lines.append(f"{number}. {one['sentence']} (in {found} of {one['checked']})")
    lines += _against_lines(video["against"])
    return "\n".join([*lines, f"page: {video['page']}"])


def _against_lines(against: dict[str, Any] | None) -> list[str]:
    """Write how repetitions compare with gold: a line each, with the worst joint."""
    if against is None:
        return []
    rows = [
        (one["number"], f"{one['total']:.1f}", "; ".join(j["text"] for j in one["joints"]) or "-")
        for one in against["repetitions"]
    ]
    heads = ("repetition", "spreads", "beyond two spreads")
    return [f"against {against['gold']}", table(heads, rows)]
