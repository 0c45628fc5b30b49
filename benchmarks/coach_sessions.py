"""Rendered coaching sessions in QEVD's layout: bodies, faults of known size, a trainer.

T frames, P phase points, D = 46 DoF

One person does one exercise, with one form error in some of the repetitions. The error lies beyond
its bound by a number of degrees that is drawn (`benchmarks.noise.faulty_executions`). The trainer
says one of QEVD's own sentences that name the error (``named_faults.tsv``), about a second after
the repetition; he misses some, is late for some, and praises some good ones. A body is a mixture
of the three that ship, and is only in one split.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.noise import CALM_S, FaultyExecution, faulty_executions
from benchmarks.rewritten_share import Named, named_faults
from benchmarks.selector_rendered import made_body, made_room
from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.features.pictures import HEIGHT_PX, WIDTH_PX
from qevd_bio.files.atomic import atomic_path, write_text_atomic
from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS
from qevd_bio.skeleton.dofs import mirror_q
from qevd_bio.synthetic.body_mesh import Body, pose_body
from qevd_bio.synthetic.performance import Performance, perform
from qevd_bio.synthetic.render import Camera, draw_mesh, draw_shadow
from qevd_bio.synthetic.scene import (
    LIGHT,
    OUTFITS,
    View,
    camera_for,
    in_camera_frame,
    level_on_hands_and_feet,
    stand_on_ground,
)
from qevd_bio.synthetic.video import frame_timestamps_ns, write_timestamps, write_video

EXERCISES = (
    "squat", "walking_lunges", "jumping_jack", "pushup", "high_knees", "good_mornings",
    "squat_jumps", "butt_kickers", "standing_kicks", "lunge_jumps", "floor_touches", "quick_feet",
)  # fmt: skip
RATE_HZ = 16
FIRST_ID, FIRST_NS, DAY_NS = 200, 1_690_000_000_000_000_000, 86_400_000_000_000
LEAD_IN_S, TAIL_S, ENDING_S, ANNOUNCED_AFTER_S = 1.0, 2.4, 1.4, 0.2
BEYOND_DEG, BEYOND_RATIO = (16.0, 38.0), (0.8, 1.4)
LEAST_S, REPETITIONS = 5.5, (2, 4)
SPEAKS, LATE, PRAISES = 0.8, 0.12, 0.35
SPEAKS_AFTER_S, PRAISES_AFTER_S, APART_S = (0.8, 1.6), (0.4, 1.0), 1.8
PRAISE = ("Great job!", "Nice work!", "That one was lovely!", "Keep it up!", "Looking good!")
ENDING = "That's the end of the session."


@dataclass(frozen=True, slots=True)
class Order:
    """One session: its number, its person, its exercise, its split and the seed of all of it."""

    number: int
    person: int
    exercise: str
    split: str
    seed: int

    @property
    def video_id(self) -> str:
        """Four digits, none of those that QEVD stores sideways."""
        return f"{FIRST_ID + self.number:04d}"

    def rng(self, part: int) -> np.random.Generator:
        """Draw afresh for one part of the session."""
        return np.random.default_rng([self.seed, self.number, part])


@dataclass(frozen=True, slots=True)
class Played:
    """A session before it is drawn.

    Attributes
    ----------
    order : Order
        What was asked for.
    performance : Performance
        The movement.
    said : tuple of (float, str)
        Seconds from the first frame, and sentences.
    truth : dict
        The form error and its size.
    """

    order: Order
    performance: Performance
    said: tuple[tuple[float, str], ...]
    truth: dict[str, object]

    @property
    def finish_s(self) -> float:
        """When the exercise is over, in seconds from the first frame."""
        return LEAD_IN_S + float(self.performance.borders_s[-1]) + TAIL_S


def orders(sessions: int, persons: int, held_out: int, seed: int) -> list[Order]:
    """Deal exercises to persons; the last `held_out` persons are the split ``test``."""
    dealt = []
    for number in range(sessions):
        person = number % persons
        split = "train" if person < persons - held_out else "test"
        exercise = EXERCISES[(number + number // persons) % len(EXERCISES)]
        dealt.append(Order(number, person, exercise, split, seed))
    return dealt


@cache
def _rules() -> dict[str, Rule]:
    return load_rules()


@cache
def _sentences(exercise: str) -> tuple[Named, ...]:
    return tuple(n for n in named_faults() if n.exercise == exercise and n.faults != {"any"})


def played(order: Order) -> Played:
    """Choose fault, movement and sentences of a session."""
    rule, rng = _rules()[order.exercise], order.rng(1)
    beyond = {"deg": rng.uniform(*BEYOND_DEG), "ratio": rng.uniform(*BEYOND_RATIO)}
    faults = [
        (one, texts)
        for one in faulty_executions(rule, beyond)
        if isinstance(one, FaultyExecution) and (texts := _texts(rule, one))
    ]
    fault, texts = faults[rng.integers(len(faults))]
    reference = build_reference(rule)
    right = _both_sides(rule, reference, reference)
    wrong = _both_sides(rule, fault.right, fault.left)
    shortest = max([0.0, *(c.target_low for c in rule.constraints if c.check == "tempo")])
    longest = min([np.inf, *(c.target_high for c in rule.constraints if c.check == "tempo")])
    lasts_s = max(min(CALM_S, 0.8 * longest), 1.15 * shortest)
    lasts_s *= 2 if rule.kind == "alternating" else 1
    count = int(np.clip(math.ceil(LEAST_S / lasts_s), *REPETITIONS))
    flags = rng.random(count) < 0.6
    flags[rng.integers(count)] = True
    performance = perform(right, wrong, tuple(map(bool, flags)), 0.95 * lasts_s, rng)
    truth = {
        "exercise": rule.id,
        "constraint": fault.constraint.id,
        "beyond": beyond,
        "deviation": fault.deviation,
        "faulty": [bool(one) for one in flags],
        "person": order.person,
    }
    return Played(order, performance, _said(performance, texts, rng), truth)


def _texts(rule: Rule, fault: FaultyExecution) -> list[str]:
    """List the trainer's sentences that name a form error."""
    constraint = fault.constraint
    wish = {"static": "still", "symmetry": "even"}.get(
        constraint.check, "more" if fault.deviation < 0 else "less"
    )
    named = _sentences(rule.id)
    return sorted({one.text for one in named if one.names(constraint, wish, rule)})


def _both_sides(rule: Rule, right: FloatArray, left: FloatArray) -> FloatArray:
    """Join a cycle (P, 46) with that of the other side where sides alternate."""
    if rule.kind != "alternating":
        return right
    return np.concatenate([right[:-1], mirror_q(left)])


def _said(
    performance: Performance, texts: Sequence[str], rng: np.random.Generator
) -> tuple[tuple[float, str], ...]:
    """Let the trainer speak: after a faulty repetition mostly, late at times; praise some."""
    said: list[tuple[float, str]] = []
    ends_s = performance.borders_s[1:]
    for nth, faulty in enumerate(performance.is_faulty):
        is_late = rng.random() < LATE
        end_s = float(ends_s[min(nth + is_late, len(ends_s) - 1)])
        after_s = rng.uniform(*(SPEAKS_AFTER_S if faulty else PRAISES_AFTER_S))
        text = str(rng.choice(texts if faulty else PRAISE))
        at_s = LEAD_IN_S + end_s + after_s
        speaks = rng.random() < (SPEAKS if faulty else PRAISES)
        if speaks and (not said or at_s - said[-1][0] >= APART_S):
            said.append((at_s, text))
    return tuple(said)


def write_session(root: Path, order: Order) -> None:
    """Render one session below a data root, with the exact motion beside it; done ones stay."""
    folder = root / SPLIT_FOLDERS[order.split] / "long_range_videos"
    record_file = root.parent / "records" / f"{order.video_id}.json"
    if record_file.is_file():
        return
    session = played(order)
    frames = math.ceil((session.finish_s + ENDING_S) * RATE_HZ)
    start_ns = FIRST_NS + int(order.video_id) * DAY_NS
    stamps_ns = frame_timestamps_ns(frames, RATE_HZ, start_ns, order.rng(0))
    since_s = (stamps_ns - stamps_ns[0]) / 1e9
    body = made_body(np.random.default_rng([order.seed, 7, order.person]))
    camera = _camera(order)
    q = session.performance.q(since_s - LEAD_IN_S)
    if _is_prone(order):
        q = level_on_hands_and_feet(q, body)
    write_video(folder / f"{order.video_id}.mp4", _pictures(order, body, camera, q), RATE_HZ)
    write_timestamps(folder / f"{order.video_id}_timestamps.npy", stamps_ns)
    exact = root.parent / "exact" / f"{order.video_id}.npy"
    with atomic_path(exact) as temporary, temporary.open("xb") as file:
        np.save(file, in_camera_frame(q, camera), allow_pickle=False)
    content = {
        "split": order.split,
        "height_m": round(_height_m(body), 2),
        "truth": session.truth,
        "record": _record(session, since_s, frame_times_s(stamps_ns, where=order.video_id)),
    }
    write_text_atomic(record_file, json.dumps(content, indent=1) + "\n")


def write_records(root: Path, wanted: Sequence[Order]) -> None:
    """Gather the records of rendered sessions, and the heights of their people."""
    lines, by_split = ["video_id,height_m"], {name: [] for name in SPLIT_FOLDERS}
    for order in wanted:
        held = json.loads((root.parent / "records" / f"{order.video_id}.json").read_text("utf-8"))
        by_split[order.split].append(held["record"])
        lines.append(f"{order.video_id},{held['height_m']}")
    for split, records in by_split.items():
        file = root / SPLIT_FOLDERS[split] / RECORDS_FILE
        write_text_atomic(file, json.dumps(records, ensure_ascii=False, indent=1) + "\n")
    write_text_atomic(root / "videos.csv", "\n".join(lines) + "\n")


def _is_prone(order: Order) -> bool:
    return _rules()[order.exercise].posture == "prone"


def _height_m(body: Body) -> float:
    vertices, _ = pose_body(body, np.zeros((1, 46)))
    return float(np.ptp(vertices[0, :, 1]))


def _camera(order: Order) -> Camera:
    rng = order.rng(2)
    prone = _is_prone(order)
    away = 90.0 if prone else rng.uniform(25.0, 65.0)
    view = View(
        name="made",
        azimuth_deg=float(rng.choice([-1, 1]) * away),
        distance_m=rng.uniform(3.1, 3.7),
        height_m=rng.uniform(0.8, 1.1),
        pitch_deg=0.0,
        field_deg=64.0 if prone else 50.0,
    )
    return camera_for(view, WIDTH_PX, HEIGHT_PX)


def _pictures(order: Order, body: Body, camera: Camera, q: FloatArray) -> Iterator[ByteArray]:
    """Draw the frames in small pictures, in clothes and a room of the person's own."""
    rng = np.random.default_rng([order.seed, 8, order.person])
    outfit = OUTFITS[rng.integers(len(OUTFITS))].copy()
    outfit[2:5] = rng.uniform(20, 235, (3, 3))
    behind = made_room(rng, camera)
    colours, prone = outfit[body.face_part], _is_prone(order)
    for first in range(0, len(q), 32):
        vertices, joints = pose_body(body, q[first : first + 32])
        vertices += stand_on_ground(vertices, joints, prone)[:, None]
        for mesh in vertices:
            shaded = draw_shadow(behind, mesh, body.faces, camera, LIGHT)
            yield draw_mesh(shaded, mesh, body.faces, colours, camera, LIGHT)


def _record(session: Played, since_s: FloatArray, time_s: FloatArray) -> dict[str, object]:
    """Write one entry of the records file: an utterance lasts as long as it takes to read."""
    rule = _rules()[session.order.exercise]
    spoken = (rule.aliases or (rule.title.lower(),))[0]
    said = [
        (ANNOUNCED_AFTER_S, f"First up are {spoken}!"),
        *session.said,
        (session.finish_s, ENDING),
    ]
    starts = np.searchsorted(since_s, [at_s for at_s, _ in said])
    limits = [*(int(start) - 1 for start in starts[1:]), len(since_s)]
    feedbacks = [""] * len(since_s)
    for (_, text), start, limit in zip(said, starts, limits, strict=True):
        reading = round((0.4 + 0.03 * len(text)) * RATE_HZ)
        for frame in range(int(start), min(int(start) + reading, limit)):
            feedbacks[frame] = text
    video = session.order.video_id
    return {
        "long_range_video_file": f"./long_range_videos/{video}.mp4",
        "video_timestamps": f"./long_range_videos/{video}_timestamps.npy",
        "feedbacks": feedbacks,
        "is_transition": [nth in (0, len(said) - 1) for nth in range(len(said))],
        "feedback_timestamps": [float(time_s[start]) for start in starts],
    }
