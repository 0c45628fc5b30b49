"""Single rendered clips with exactly known angles, to measure capture by.

T frames, D = 46 DoF
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path

import numpy as np

from qevd_bio.arrays import ByteArray
from qevd_bio.choices import suggestion
from qevd_bio.errors import UsageError
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.atomic import atomic_path, write_text_atomic
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.synthetic.body_mesh import BUILDS, load_body
from qevd_bio.synthetic.form_errors import form_error_named
from qevd_bio.synthetic.performance import Performance, perform_exercise
from qevd_bio.synthetic.scene import (
    OUTFITS,
    VIEWS,
    camera_for,
    in_camera_frame,
    level_on_hands_and_feet,
    render_motion,
)
from qevd_bio.synthetic.video import write_timestamps, write_video

WIDTH_PX, HEIGHT_PX = 480, 640
LEAD_IN_S, TAIL_S = 1.4, 0.7
TRUTH_FILE = "truth.json"


@dataclass(frozen=True, slots=True)
class Clip:
    """What is rendered.

    Attributes
    ----------
    rule : Rule
        Of the exercise.
    view, build : str
        Key of `scene.VIEWS`, key of `body_mesh.BUILDS`.
    form_error : str
        An error of the exercise, in every repetition; empty for none.
    repetitions : int
        Cycles of the reference; a lunge to either side is one.
    repetition_s : float
        Mean duration of one.
    seed : int
        Of the natural variation and the clothes.
    """

    rule: Rule
    view: str
    build: str
    form_error: str = ""
    repetitions: int = 5
    repetition_s: float = 2.2
    rate_hz: int = 16
    seed: int = 1

    @property
    def name(self) -> str:
        """Stem of the clip's files."""
        parts = (self.rule.id, self.view, self.build, self.form_error)
        return "-".join(part for part in parts if part)


def clips_wanted(
    rules: Iterable[Rule],
    views: Iterable[str],
    builds: Iterable[str],
    *,
    form_error: str,
    repetitions: int,
    repetition_s: float,
    rate_hz: int,
    seed: int,
) -> tuple[Clip, ...]:
    """Check an order and list its clips: every exercise in every view and build.

    Without a view: 45 degrees standing, else the floor's side view. The rest is as in `Clip`.
    `UsageError` where a name is unknown (the known ones are listed) or a number out of its range.
    """
    _within("--reps", repetitions, 1, 100)
    _within("--seconds", repetition_s, 0.5, 60.0)
    _within("--fps", rate_hz, 5, 60)
    clips: list[Clip] = []
    for rule in {rule.id: rule for rule in rules}.values():
        if form_error:
            form_error_named(form_error, rule.id)
        usual = "oblique45" if rule.posture == "standing" else "floor_side"
        for view, build in product(tuple(views) or (usual,), builds):
            if view not in VIEWS:
                raise _unknown("--view", view, VIEWS)
            if build not in BUILDS:
                raise _unknown("--build", build, BUILDS)
            clips.append(
                Clip(rule, view, build, form_error, repetitions, repetition_s, rate_hz, seed)
            )
    return tuple(clips)


def _within(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(
            f"{value:g} is not between {low:g} and {high:g}",
            where=option,
            next_step="Give a number in this range",
        )


def _unknown(option: str, value: str, known: Collection[str]) -> UsageError:
    return UsageError(f"there is no '{value}'", where=option, next_step=suggestion(value, known))


def make_clips(
    folder: Path, clips: tuple[Clip, ...], on_frame: Callable[[], None] = lambda: None
) -> list[Path]:
    """Render clips and write their truth beside them; return the videos.

    The folder is new or empty, else `UsageError`. A clip becomes ``NAME.mp4``,
    ``NAME_timestamps.npy`` (nanoseconds), and ``NAME.npz`` with ``time_s`` (T,), ``poses`` (T, 46)
    in rad in the camera frame (gravity is (0, 1, 0) there) and ``dof_names``; ``truth.json`` lists
    all with their repetitions. `on_frame` is called after each frame.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "is not a new or empty folder",
            where=str(folder),
            next_step="Name another one; nothing is overwritten",
        )
    truth = {clip.name: _make(folder, clip, on_frame) for clip in clips}
    write_text_atomic(folder / TRUTH_FILE, json.dumps(truth, indent=1) + "\n")
    return [folder / f"{clip.name}.mp4" for clip in clips]


def frames_of(clip: Clip) -> int:
    """Count the frames a clip will have."""
    lasts_s = LEAD_IN_S + float(_performance(clip).borders_s[-1]) + TAIL_S
    return math.ceil(lasts_s * clip.rate_hz)


def _performance(clip: Clip) -> Performance:
    return perform_exercise(
        clip.rule,
        clip.form_error,
        (bool(clip.form_error),) * clip.repetitions,
        clip.repetition_s,
        np.random.default_rng(clip.seed),
    )


def _make(folder: Path, clip: Clip, on_frame: Callable[[], None]) -> dict[str, object]:
    performance, frames = _performance(clip), frames_of(clip)
    stamps_ns = np.round(np.arange(frames) * 1e9 / clip.rate_hz).astype(np.int64)
    time_s = stamps_ns / 1e9
    body = load_body(clip.build)
    prone, supine = (clip.rule.posture == one for one in ("prone", "supine"))
    camera = camera_for(VIEWS[clip.view], WIDTH_PX, HEIGHT_PX)
    q = performance.q(time_s - LEAD_IN_S)
    if prone:
        q = level_on_hands_and_feet(q, body)
    outfit = OUTFITS[clip.seed % len(OUTFITS)]

    def pictures() -> Iterator[ByteArray]:
        for picture in render_motion(q, body, outfit, camera, prone=prone, supine=supine):
            yield picture
            on_frame()

    write_video(folder / f"{clip.name}.mp4", pictures(), clip.rate_hz)
    write_timestamps(folder / f"{clip.name}_timestamps.npy", stamps_ns)
    with atomic_path(folder / f"{clip.name}.npz") as temporary, temporary.open("xb") as file:
        np.savez(
            file, time_s=time_s, poses=in_camera_frame(q, camera), dof_names=np.array(DOF_NAMES)
        )
    order = {one.name: getattr(clip, one.name) for one in fields(clip) if one.name != "rule"}
    return {
        "exercise": clip.rule.id,
        **order,
        "frames": frames,
        "size_px": [WIDTH_PX, HEIGHT_PX],
        "gravity": [0.0, 1.0, 0.0],
        "repetitions_s": [asdict(one) for one in performance.repetitions(LEAD_IN_S)],
    }
