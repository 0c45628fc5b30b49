"""Sessions with one known form error, in exact motion or rendered and captured.

T frames, P phase points, D = 46 DoF
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.noise import BEYOND, SKELETON, faulty_executions, performed, played
from benchmarks.noise_kinds import RATE_HZ, exact_motion
from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.backend import capture_motion
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import Constraint
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import DOFS, mirror_q
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.synthetic.body_mesh import BUILDS, load_body
from qevd_bio.synthetic.scene import (
    OUTFITS,
    VIEWS,
    camera_for,
    in_camera_frame,
    level_on_hands_and_feet,
    render_motion,
)
from qevd_bio.synthetic.video import write_video
from qevd_bio.tables.kinematics import motion_table, read_motion
from qevd_bio.tables.parquet import write_parquet

EXACT_SIGMA_DEG = 0.5
REPETITIONS = 3
FAST_SHARE, SLOW_SHARE = 0.7, 1.3
"""Duration of a hurried or slow repetition, in bounds of the tempo."""
RANGE_SLACK_RAD = np.deg2rad(5.0)
EVERY = 2
"""Rendered is every second frame."""
WIDTH_PX, HEIGHT_PX = 480, 640


@dataclass(frozen=True, slots=True)
class Fault:
    """A form error in every repetition: of one end of one constraint, in (T, 46) rad.

    `wish` is what a trainer would ask for: more or less of the measure, still, even.
    """

    rule: Rule
    constraint: Constraint
    wish: str
    q: FloatArray

    @property
    def name(self) -> str:
        """Stem of its files."""
        return f"{self.rule.id}-{self.constraint.id}-{self.wish}"

    @property
    def draw(self) -> int:
        """A number that its name draws."""
        return int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:4], "big")


def faults_of(rule: Rule, beyond_deg: float = BEYOND["deg"]) -> Iterator[Fault]:
    """Make the form errors of a rule that a body can do.

    Each is beyond its tolerance by a number of degrees; those that leave the range of a joint
    are left out.
    """
    for one in faulty_executions(rule, {**BEYOND, "deg": beyond_deg}):
        if isinstance(one, tuple):
            continue
        check = one.constraint.check
        wish = {"static": "still", "symmetry": "even"}.get(
            check, "more" if one.deviation < 0 else "less"
        )
        count = 1 if rule.kind == "hold" else REPETITIONS
        q = performed(rule, one.right, one.left, [1.0] * count)
        if _is_possible(q, build_reference(rule)):
            yield Fault(rule, one.constraint, wish, q)
    reference = build_reference(rule)
    for c in rule.constraints:
        if c.check != "tempo":
            continue
        hurried = FAST_SHARE * (c.target_low - c.tolerance)
        slow = SLOW_SHARE * (c.target_high + c.tolerance)
        for wish, lasts_s in (("more", hurried), ("less", slow)):
            q = played(rule, reference, reference, [lasts_s] * REPETITIONS, 0.0)
            yield Fault(rule, c, wish, q)


def _is_possible(q: FloatArray, reference: FloatArray) -> bool:
    """Return whether angles stay in the range of the joints, as far as the reference does."""
    shown = np.concatenate([reference, mirror_q(reference)])
    low, high = np.array([[dof.low_rad, dof.high_rad] for dof in DOFS]).T
    low = np.minimum(low, shown.min(axis=0)) - RANGE_SLACK_RAD
    high = np.maximum(high, shown.max(axis=0)) + RANGE_SLACK_RAD
    return bool(((q >= low) & (q <= high)).all())


@dataclass(frozen=True, slots=True)
class Session:
    """A form error as it was measured, beside the exact motion of the same frames."""

    fault: Fault
    motion: Motion
    skeleton: Skeleton
    exact: Motion
    exact_skeleton: Skeleton


def exact_session(fault: Fault) -> Session:
    """Measure a form error without any error."""
    motion = exact_motion(fault.q, EXACT_SIGMA_DEG)
    return Session(fault, motion, SKELETON, motion, SKELETON)


def captured_session(fault: Fault, cache: Path) -> Session:
    """Render a form error and measure it by the built-in capture, or read it from the cache.

    The name draws the build, the clothes and, of a standing person, the view.
    """
    number = fault.draw // 7
    body = load_body(list(BUILDS)[number // 3 % len(BUILDS)])
    prone = fault.rule.posture == "prone"
    standing = ("oblique45", "side", "front")
    view = "floor_side" if prone else standing[number % len(standing)]
    camera = camera_for(VIEWS[view], WIDTH_PX, HEIGHT_PX)
    q = fault.q[::EVERY]
    if prone:
        q = level_on_hands_and_feet(q, body)
    known = in_camera_frame(q, camera)
    exact = replace(
        exact_motion(known, EXACT_SIGMA_DEG),
        time_s=np.arange(len(q)) * EVERY / RATE_HZ,
        gravity=np.array([0.0, 1.0, 0.0]),
    )
    file = cache / f"{fault.name}.parquet"
    if not file.is_file():
        pictures = render_motion(q, body, OUTFITS[number % len(OUTFITS)], camera, prone=prone)
        with TemporaryDirectory() as folder:
            video = Path(folder) / "clip.mp4"
            write_video(video, pictures, round(RATE_HZ / EVERY))
            captured = capture_motion(
                video, exact.time_s, video_id=fault.name, config=MediaPipeConfig()
            )
        table, notes = motion_table(fault.name, captured.motion)
        write_parquet(table, file, notes=notes)
    motion = read_motion(file)
    return Session(fault, motion, scaled_skeleton(motion.segment_lengths_m), exact, body.skeleton)
