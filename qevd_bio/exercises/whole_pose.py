"""What the rest of the pose tells of a movement whose representative measure hardly moves.

T frames, K angles, S sides, C cycles
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.exercises.references import leading_side
from qevd_bio.exercises.rule import SIDES, Rule
from qevd_bio.motion.angles import wrap_angle
from qevd_bio.motion.medians import medians_of_known
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.motion.smoothing import gaussian_smooth
from qevd_bio.skeleton.dofs import DOFS, joint_dofs, mirror_q
from qevd_bio.skeleton.measures import CATALOGUE

MOVING_RAD = np.deg2rad(15.0)
"""An angle of the reference that goes less far does not move."""

PELVIS = joint_dofs("pelvis")

AS_ASKED = 0.5
"""A pose that goes this share of the rule's way moves as asked, one that goes as far back moves
the other way."""


@dataclass(frozen=True, slots=True)
class PoseWay:
    """How far the pose without the representative measure is gone from rest to the extreme.

    Attributes
    ----------
    curves : ndarray (S, T)
        Way along the direction that the rule asks for, in rad; of an alternating movement that of
        the right and of the left side, else one.
    asked_rad, apart_rad : float
        The rule's own way at the extreme, and how much farther it is than the other side's.
    """

    curves: FloatArray
    asked_rad: float
    apart_rad: float

    def share(self, cycles: Sequence[Cycle]) -> float:
        """Return the share of the rule's way that the pose usually goes there and back."""
        return _usual_way(self.curves, cycles) / self.asked_rad

    def takes_turns(self, halves: Sequence[Cycle], part: Motion) -> bool:
        """Whether the pose parts the sides of an alternating movement by a share of what is asked.

        Noise gives halves sides as well. Where the rule's sides are no farther apart than an angle
        that does not move, only the measure tells them.
        """
        if self.apart_rad < MOVING_RAD or {half.side for half in halves} != set(SIDES):
            return False
        right, left = gaussian_smooth(self.curves.T, part.time_s, part.valid).T
        apart = {
            side: medians_of_known(
                (right - left)[[half.key for half in halves if half.side == side]][None]
            )[0]
            for side in SIDES
        }
        return bool((apart["r"] - apart["l"]) / 2 >= AS_ASKED * self.apart_rad)

    def contradicts(self, cycles: Sequence[Cycle], measure: FloatArray, asked_rad: float) -> bool:
        """Whether the pose goes the other way in cycles, and farther than the measure its own.

        `measure` (S, T) in rad, `asked_rad` the way that the rule asks of it. Nothing counts for
        more than is asked: one joint that is wrong outweighs no measure that moves.
        """
        share = self.share(cycles)
        if not share <= -AS_ASKED:
            return False
        is_sided = len(self.curves) > 1
        rows, count = (measure, 1) if is_sided else (measure.mean(axis=0)[None], len(measure))
        own_rad = min(_usual_way(rows, cycles), asked_rad)
        return count * asked_rad * own_rad < min(-share, 1.0) * self.asked_rad**2


def _usual_way(curves: FloatArray, cycles: Sequence[Cycle]) -> float:
    """Measure how far curves (S, T) usually go in cycles to the extreme and back.

    Of sided cycles each reads the curve of its side. Below 0 where they go the other way; NaN
    where it is not known or there are no cycles. Who rests at the extreme is away from it in the
    middle.
    """
    edges = [
        2 * ((c.start + c.end) // 2,) if c.rests_at_extreme else (c.start, c.end) for c in cycles
    ]
    frames = [(start, c.key, end) for c, (start, end) in zip(cycles, edges, strict=True)]
    rows = [SIDES.index(c.side) if c.side else 0 for c in cycles]
    places = np.array(frames, dtype=np.int64).reshape(-1, 3)
    levels = curves[np.array(rows, dtype=np.int64)[:, None], places]
    ways = levels[:, 1] - (levels[:, 0] + levels[:, 2]) / 2
    known = ways[np.isfinite(ways)]
    return float(np.median(known)) if len(known) else float("nan")


def pose_way(part: Motion, rule: Rule, reference: FloatArray) -> PoseWay | None:
    """Project the poses of a segment on the way from rest to the extreme that a rule asks for.

    Parameters
    ----------
    part : Motion
        Frames of one segment, angles continuous in time.
    rule : Rule
        Of the exercise, no hold.
    reference : ndarray (P, 46)
        One cycle as the rule asks.

    Returns
    -------
    PoseWay or None
        None where no other angle in view moves by `MOVING_RAD`.
    """
    way = reference[round(rule.key_phase.at * (len(reference) - 1))] - reference[0]
    dofs = _others(part, rule)
    moving = dofs[np.abs(way[dofs]) >= MOVING_RAD]
    if len(moving) == 0:
        return None
    asked = float(np.linalg.norm(way[moving]))
    direction = way[moving] / asked
    poses = [part.q]
    if rule.kind == "alternating":
        poses.append(mirror_q(part.q))
        if leading_side(rule, reference) == "l":
            poses.reverse()
    curves = np.stack([pose[:, moving] @ direction for pose in poses])
    other = float(mirror_q(way[None])[0, moving] @ direction)
    return PoseWay(curves, asked, asked - other)


def _others(part: Motion, rule: Rule) -> IntArray:
    """List the moving DoFs in view, both of a pair, that the representative measure does not need.

    The pelvis only turns the body in the camera frame.
    """
    measured = {
        dof
        for name, one in CATALOGUE.items()
        if sideless(name) == rule.representative.measure
        for dof in one.needs
    }
    joints = [joint for joint in rule.dynamic_joints if joint != "pelvis"]
    dofs = [DOFS[dof] for joint in joints for dof in joint_dofs(joint)]
    known = np.isfinite(part.noise_rad()[part.valid]).mean(axis=0) >= 0.5
    known &= part.observed
    return np.array(
        [
            d.index
            for d in dofs
            if known[[d.index, d.mirror_index]].all() and d.name not in measured
        ],
        dtype=np.int64,
    )


def leading_curve(
    right: FloatArray, left: FloatArray, apart_rad: float, way: PoseWay | None
) -> FloatArray:
    """Compute a curve (T,) that is positive where the right side leads, by measure and pose.

    `right`, `left` (T,) are the measure in rad, `apart_rad` is how far its sides are apart at the
    rule's extreme. Measure and pose count alike, none for more than the rule asks: a leg that
    supports with a bent knee does not lead.
    """
    measured = np.clip((right - left) / apart_rad, -1.0, 1.0)
    if way is None or way.apart_rad < MOVING_RAD:
        return measured
    posed = np.clip((way.curves[0] - way.curves[1]) / way.apart_rad, -1.0, 1.0)
    return np.asarray(measured + np.where(np.isfinite(posed), posed, 0.0))


def posed_side(hold: Cycle, part: Motion, rule: Rule, reference: FloatArray) -> str | None:
    """Name the side that holds the pose, by which the body is nearer to the rule's pose.

    The measure alone would name the idle limb where the other falls short.
    """
    shown = leading_side(rule, reference)
    frames = slice(hold.start, hold.end + 1)
    q = part.q[frames][part.valid[frames]]
    key = reference[[round(rule.key_phase.at * (rule.points - 1))]]
    seen = [dof for dof in np.flatnonzero(part.observed).tolist() if dof not in PELVIS]
    as_shown, mirrored = (
        float(np.abs(wrap_angle(pose - key)[:, seen]).sum()) for pose in (q, mirror_q(q))
    )
    return shown if as_shown <= mirrored else next(side for side in SIDES if side != shown)
