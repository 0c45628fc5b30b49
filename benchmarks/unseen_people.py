"""Draw people, clothes, cameras, faults and tempi from a seed, for a test of its own.

V vertices, J = 24 joints, P phase points, D = 46 DoF
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.capture_clips import Clip, Filmed, filmed
from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.skeleton.bodies import skeleton_from_joints
from qevd_bio.skeleton.dofs import DOFS, JOINT_INDEX, PARENTS, mirror_q
from qevd_bio.synthetic.body_mesh import BUILDS, Body, load_body
from qevd_bio.synthetic.form_errors import FORM_ERRORS, scaled, with_offsets
from qevd_bio.synthetic.performance import Performance, perform, swings
from qevd_bio.synthetic.scene import OUTFITS, View

EXERCISES = ("squat", "walking_lunges", "high_knees", "squat_kicks", "jumping_jack", "pushup")
MEASURES = {
    "squat": "knee_flexion", "walking_lunges": "knee_flexion", "high_knees": "hip_flexion",
    "squat_kicks": "knee_flexion", "jumping_jack": "shoulder_elevation",
    "pushup": "elbow_flexion",
}  # fmt: skip
"""The measure that a shallow repetition falls short of."""
SYMMETRIC = ("squat", "jumping_jack", "pushup")
AZIMUTHS_DEG = ((-50.0, -35.0), (100.0, 120.0))
"""View regions that no training clip has and no value was chosen on."""
FAULTS = {"none": 0.15, "shallow": 0.35, "one side": 0.25, "form error": 0.25}
"""How often each kind of fault is drawn; a form error is one of `form_errors`."""
FRAMES = 80
"""About this many frames a clip: the rate follows from the tempo."""
_REPETITION_S = {"squat": 2.4, "walking_lunges": 4.4, "high_knees": 1.6, "squat_kicks": 3.0,
                 "jumping_jack": 1.4, "pushup": 2.2}  # fmt: skip
_ON_TOES_AND_PALMS = {f"{name}_{side}": degrees for side in "rl" for name, degrees in (
    ("mtp_angle", -35.0), ("wrist_flexion", -70.0))}  # fmt: skip
_STRETCHED = ("femur", "tibia", "humerus", "ulna")
_NEXT = {"femur": "tibia", "tibia": "talus", "humerus": "ulna", "ulna": "hand"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One clip: what is filmed, with the name of its fault and the share of the way it goes."""

    clip: Clip
    body: Body
    film: Filmed
    fault: str


def drawn_clip(seed: int, number: int) -> Drawn:
    """Draw one clip: another person each time, exercises and view regions in turn."""
    rng = np.random.default_rng([seed, number])
    exercise = EXERCISES[number % len(EXERCISES)]
    region = AZIMUTHS_DEG[number // len(EXERCISES) % len(AZIMUTHS_DEG)]
    view = _view(rng, f"view{number}", float(rng.uniform(*region)), prone=exercise == "pushup")
    return _filmed(rng, f"unseen{seed}", exercise, f"person{number}", view)


def same_squats(seed: int, person: int) -> list[Drawn]:
    """Draw one performance of squats, filmed from the front, from 45 degrees and from the side."""
    found = []
    for name, azimuth in (("front", 0.0), ("oblique45", 45.0), ("side", 90.0)):
        rng = np.random.default_rng([seed, 10_000 + person])
        view = _view(rng, name, azimuth, prone=False)
        found.append(
            _filmed(rng, f"same{seed}", "squat", f"person{person}", view, fault="shallow")
        )
    return found


def _filmed(
    rng: np.random.Generator, group: str, exercise: str, person: str, view: View, fault: str = ""
) -> Drawn:
    fault = fault or str(rng.choice(list(FAULTS), p=list(FAULTS.values())))
    repetition_s = _REPETITION_S[exercise] * float(np.exp(rng.uniform(np.log(0.6), np.log(1.9))))
    repetitions = 1 if exercise == "walking_lunges" else 2
    rate_hz = float(np.clip(FRAMES / (repetitions * repetition_s + 0.3), 12.0, 30.0))
    clip = Clip(group, exercise, person, view, repetition_s, repetitions, rate_hz, outfit=0)
    body, outfit = drawn_body(rng, person), drawn_outfit(rng)
    performance, fault = _performance(clip, fault, rng)
    return Drawn(clip, body, filmed(clip, body, outfit, performance), fault)


def _view(rng: np.random.Generator, name: str, azimuth_deg: float, *, prone: bool) -> View:
    """Draw the camera's place and lens; it looks down on the middle of the body."""
    distance_m, field_deg = float(rng.uniform(2.9, 4.6)), float(rng.uniform(0.0, 14.0))
    middle_m, height_m = (0.3, rng.uniform(0.4, 1.3)) if prone else (0.9, rng.uniform(0.6, 1.9))
    pitch_deg = float(np.rad2deg(np.arctan2(height_m - middle_m, distance_m)))
    # at least the body's length, or the height of raised arms, from the nearest distance
    whole_deg = float(np.rad2deg(2.0 * np.arctan2(1.35, distance_m)))
    return View(name, azimuth_deg, distance_m, float(height_m), pitch_deg, whole_deg + field_deg)


def drawn_outfit(rng: np.random.Generator) -> FloatArray:
    """Draw the colours of the body's parts (7, 3): skin between two shipped ones, any clothes."""
    share = rng.uniform(0.0, 1.0)
    colours = share * OUTFITS[0] + (1.0 - share) * OUTFITS[1]
    colours[1:5] = rng.uniform(20.0, 240.0, (4, 3))
    return np.asarray(colours)


def drawn_body(rng: np.random.Generator, name: str) -> Body:
    """Mix the shipped builds, beyond them too, and lengthen or shorten the bones of the limbs.

    Both sides alike: every limb bone by up to 5 %.
    """
    share = 1.5 * rng.dirichlet(np.ones(len(BUILDS))) - 0.5 / len(BUILDS)
    builds = [load_body(build) for build in BUILDS]

    def mixed(values: list[FloatArray]) -> FloatArray:
        return np.asarray(np.tensordot(share, np.stack(values), axes=1))

    left, _, right = np.linalg.svd(mixed([one.turns for one in builds]))
    stretch = {bone: float(rng.uniform(0.95, 1.05)) for bone in _STRETCHED}
    joints = mixed([one.skeleton.joints_m for one in builds])
    modelled = mixed([one.modelled_joints_m for one in builds])
    vertices = mixed([one.vertices_m for one in builds])
    whole = replace(builds[0], build=name, turns=left @ right, vertices_m=vertices)
    return replace(
        whole,
        skeleton=skeleton_from_joints(joints + _shifts(joints, stretch)),
        modelled_joints_m=modelled + _shifts(modelled, stretch),
        vertices_m=vertices + _skin_shifts(whole, modelled, stretch),
    )


def _bones(joints_m: FloatArray, stretch: dict[str, float]) -> dict[int, tuple[float, FloatArray]]:
    """Change of length and vector of each stretched bone, by the joint that it begins at."""
    ends = {JOINT_INDEX[f"{bone}_{side}"]: (JOINT_INDEX[f"{_NEXT[bone]}_{side}"], ratio - 1.0)
            for bone, ratio in stretch.items() for side in "rl"}  # fmt: skip
    return {start: (longer, joints_m[end] - joints_m[start])
            for start, (end, longer) in ends.items()}  # fmt: skip


def _shifts(joints_m: FloatArray, stretch: dict[str, float]) -> FloatArray:
    """Shifts of the joints (J, 3): each moves with the stretch of all bones above it."""
    bones, shifts = _bones(joints_m, stretch), np.zeros_like(joints_m)
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            continue
        shifts[joint] = shifts[parent]
        if parent in bones:
            longer, bone = bones[parent]
            along = (joints_m[joint] - joints_m[parent]) @ bone / (bone @ bone)
            shifts[joint] += longer * along * bone
    return shifts


def _skin_shifts(body: Body, joints_m: FloatArray, stretch: dict[str, float]) -> FloatArray:
    """Shifts of the skin (V, 3): the weighted mean of what its segments' stretch does."""
    bones, shifts = _bones(joints_m, stretch), _shifts(joints_m, stretch)
    moved = np.zeros_like(body.vertices_m)
    for k in range(body.segments.shape[1]):
        segment = body.segments[:, k]
        own = shifts[segment]
        for joint, (longer, bone) in bones.items():
            mine = segment == joint
            along = np.clip((body.vertices_m[mine] - joints_m[joint]) @ bone / (bone @ bone), 0, 1)
            own[mine] += longer * along[:, None] * bone
        moved += body.weights[:, k, None] * own
    return moved


def _performance(clip: Clip, fault: str, rng: np.random.Generator) -> tuple[Performance, str]:
    """Perform the exercise with its fault; return it with the fault's size in words."""
    rule = load_rules()[clip.exercise]
    correct = _reference(rule)
    faulty, fault = _faulty(rule, correct, fault, rng)
    if clip.prone:
        always = np.ones(len(correct))
        faulty = with_offsets(faulty, _ON_TOES_AND_PALMS, always)
    return perform(faulty, faulty, (False,) * clip.repetitions, clip.repetition_s, rng), fault


def _reference(rule: Rule) -> FloatArray:
    reference = build_reference(rule)
    if rule.kind == "alternating" and len(swings(reference)) == 1:
        reference = np.concatenate([reference[:-1], mirror_q(reference)])
    return reference


def _faulty(
    rule: Rule, reference: FloatArray, fault: str, rng: np.random.Generator
) -> tuple[FloatArray, str]:
    """Change a reference cycle by a fault of drawn size; a form error keeps its own size."""
    share = float(rng.uniform(0.5, 0.9))
    known = [error for error in FORM_ERRORS.values() if error.exercise == rule.id]
    if fault == "form error" and known:
        return known[0].apply(reference), known[0].name
    if fault == "one side" and rule.posture != "prone":  # both hands have to carry the body
        side = str(rng.choice(["r", "l"]))
        columns = [dof.index for dof in DOFS if dof.joint.endswith(f"_{side}")]
        changed = reference.copy()
        changed[:, columns] = scaled(reference, share)[:, columns]
        return changed, f"{side} {share:.2f}"
    if fault == "none":
        return reference, "none"
    return scaled(reference, share), f"shallow {share:.2f}"


def all_clips(seed: int, count: int, people: int) -> tuple[list[Drawn], list[Drawn]]:
    """Draw the clips of unseen views, and the same squats of some people from three sides."""
    unseen = [drawn_clip(seed, number) for number in range(count)]
    squats = (same_squats(seed, person) for person in range(people))
    return unseen, list(itertools.chain.from_iterable(squats))
