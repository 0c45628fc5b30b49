"""Whether the joint selector finds what a fault adds, on rendered people it was not trained on.

Run ``python -m benchmarks.selector_rendered --cache FOLDER``. Each person does two exercises,
each well and with five faults, in every repetition. A fault adds its joints to those of the
exercise; these are exact labels. The features are the stand-in's. Pictures are kept in the cache,
so a run that was stopped goes on. Nobody is on both sides: people differ in body, clothes, camera
and room. A person's body is a mixture of the three that ship.

``--exact-pose`` replaces the features by numbers made from the exact angles: what the selector
does when features tell the pose.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.features.extract import RATE_HZ, FeatureExtractor
from qevd_bio.features.joint_selector import most_important, pooled_tokens
from qevd_bio.features.networks import load_standin
from qevd_bio.features.pictures import HEIGHT_PX, WIDTH_PX
from qevd_bio.features.selector_folder import load_selector
from qevd_bio.features.standin import STANDIN_FILE
from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.digest import sha256_file
from qevd_bio.skeleton.bodies import skeleton_from_joints
from qevd_bio.skeleton.dofs import JOINT_INDEX, mirror_q
from qevd_bio.synthetic.body_mesh import BUILDS, Body, load_body, pose_body
from qevd_bio.synthetic.form_errors import excursion, with_offsets
from qevd_bio.synthetic.performance import perform, swings
from qevd_bio.synthetic.render import Camera, draw_mesh, draw_shadow
from qevd_bio.synthetic.scene import LIGHT, OUTFITS, View, camera_for, empty_room, stand_on_ground
from qevd_bio.training.recipe import run_recipe
from qevd_bio.training.selector_figures import (
    THRESHOLD,
    exercise_table,
    selector_figures,
    table_scores,
)
from qevd_bio.training.selector_labels import LabelledSegment, standard_joints
from qevd_bio.training.train_selector import (
    SelectorConfig,
    SelectorData,
    segment_scores,
    selector_recipe,
)

EXERCISES = ("squat", "walking_lunges")
FAULTS: dict[str, tuple[tuple[str, ...], dict[str, float]]] = {
    "": ((), {}),
    "leaning": (("thorax",), {"pelvis_tilt": -28.0, "hip_flexion_r": 28.0, "hip_flexion_l": 28.0}),
    "round_back": (("lumbar_body",), {"lumbar_extension": -30.0, "thorax_extension": -20.0}),
    "head_down": (("head",), {"head_extension": -45.0}),
    "elbows_bent": (("ulna_r", "ulna_l"), {"elbow_flexion_r": 100.0, "elbow_flexion_l": 100.0}),
    "arms_raised": (("humerus_r", "humerus_l"), {"shoulder_r_z": -70.0, "shoulder_l_z": 70.0}),
}
"""The joints that each fault adds, and its angles in degrees."""

FRAMES, REPETITIONS, FRAMES_A_MAP, CHANNELS = 64, 4, 4, 1280
TRAINED, HELD_OUT = 12, 4
LEAST_RECALL, LEAST_FOUND = 0.95, 0.80


@dataclass(frozen=True, slots=True)
class Segment:
    """One exercise of one person."""

    person: int
    exercise: str
    fault: str

    @property
    def name(self) -> str:
        """Stem of its file in the cache."""
        return f"{self.person:03d}-{self.exercise}-{self.fault or 'well'}"


@cache
def known_rules() -> dict[str, Rule]:
    """Load the shipped rules once."""
    return load_rules()


def made_body(rng: np.random.Generator) -> Body:
    """Mix the three bodies that ship; the mesh is the same, so are its hold on the segments."""
    shares = rng.dirichlet(np.full(len(BUILDS), 0.8))
    bodies = [load_body(build) for build in BUILDS]
    pose = np.zeros((1, 46))
    joints = sum(s * pose_body(body, pose)[1][0] for s, body in zip(shares, bodies, strict=True))
    return replace(
        bodies[int(np.argmax(shares))],
        skeleton=skeleton_from_joints(joints),
        vertices_m=sum(s * body.vertices_m for s, body in zip(shares, bodies, strict=True)),
        modelled_joints_m=sum(
            s * body.modelled_joints_m for s, body in zip(shares, bodies, strict=True)
        ),
    )


def motion_of(segment: Segment) -> FloatArray:
    """Perform an exercise with its fault in every repetition; angles (T, 46) in rad."""
    rng = np.random.default_rng((segment.person, *segment.name.encode()))
    rule = known_rules()[segment.exercise]
    reference = build_reference(rule)
    if rule.kind == "alternating" and len(swings(reference)) == 1:
        reference = np.concatenate([reference[:-1], mirror_q(reference)])
    joints, offsets = FAULTS[segment.fault]
    size = rng.uniform(0.85, 1.15)
    far = excursion(reference)
    # trunk faults grow on the way, as people lean at the bottom; arms and head are held
    weight = far / far.max() if segment.fault in ("leaning", "round_back") else np.ones(len(far))
    faulty = with_offsets(reference, {dof: size * d for dof, d in offsets.items()}, weight)
    flags = (bool(joints),) * REPETITIONS
    performance = perform(reference, faulty, flags, rng.uniform(1.6, 2.6), rng)
    start_s = rng.uniform(0.0, max(0.0, float(performance.borders_s[-1]) - FRAMES / RATE_HZ))
    return performance.q(start_s + np.arange(FRAMES) / RATE_HZ)


def pictures_of(segment: Segment) -> Iterator[ByteArray]:
    """Draw a segment: the person, clothes, room and camera depend on the person alone."""
    rng = np.random.default_rng((7, segment.person))
    body, outfit = made_body(rng), OUTFITS[rng.integers(len(OUTFITS))].copy()
    outfit[2:5] = rng.uniform(20, 235, (3, 3))
    view = View(
        name="made",
        azimuth_deg=float(rng.choice([-1, 1]) * rng.uniform(25.0, 80.0)),
        distance_m=rng.uniform(3.1, 3.9),
        height_m=rng.uniform(0.8, 1.2),
        pitch_deg=rng.uniform(0.0, 6.0),
        field_deg=46.0,
    )
    camera = camera_for(view, WIDTH_PX, HEIGHT_PX)
    behind = made_room(rng, camera)
    vertices, joints = pose_body(body, motion_of(segment))
    vertices += stand_on_ground(vertices, joints, False)[:, None]
    colours = outfit[body.face_part]
    for mesh in vertices:
        shaded = draw_shadow(behind, mesh, body.faces, camera, LIGHT)
        yield draw_mesh(shaded, mesh, body.faces, colours, camera, LIGHT)


def made_room(rng: np.random.Generator, camera: Camera) -> ByteArray:
    """Tint a room and put boxes into it."""
    room = empty_room(camera, mat=False).astype(np.float64) * rng.uniform(0.35, 1.15, 3)
    for _ in range(rng.integers(0, 6)):
        top, left = rng.integers(0, room.shape[0]), rng.integers(0, room.shape[1])
        down, across = rng.integers(8, 90, 2)
        room[top : top + down, left : left + across] = rng.uniform(10, 245, 3)
    return np.asarray(np.clip(room, 0, 255), dtype=np.uint8)


def pooled_of(
    segment: Segment, extractor: FeatureExtractor, folder: Path, home: Path
) -> FloatArray:
    """Return the pooled features (L, C) of a segment, from the cache or made now."""
    pictures, file = folder / "pictures" / f"{segment.name}.npy", home / f"{segment.name}.npy"
    if not pictures.is_file():
        save(pictures, np.stack(list(pictures_of(segment))))
    if not file.is_file():
        times_s = np.arange(1, FRAMES + 1) / RATE_HZ
        shown = np.load(pictures, mmap_mode="r", allow_pickle=False)
        found = extractor.features(shown, times_s, pad=False, where=segment.name)
        save(file, pooled_tokens(found.values))
    return np.load(file, allow_pickle=False)


def save(file: Path, array: np.ndarray) -> None:
    """Write an array, complete or not at all."""
    with atomic_path(file) as temporary, temporary.open("xb") as opened:
        np.save(opened, array, allow_pickle=False)


def pose_features(segment: Segment) -> FloatArray:
    """Turn the exact angles at the time of each map into numbers in [0, 6], by random layers."""
    rng = np.random.default_rng(11)
    mixing, offset = rng.normal(0.0, 1.0, (46, CHANNELS)), rng.normal(0.0, 1.0, CHANNELS)
    q = motion_of(segment)[FRAMES_A_MAP - 1 :: FRAMES_A_MAP]
    return np.clip(3.0 + q @ mixing + offset, 0.0, 6.0).astype(np.float32)


def labelled_data(
    persons: int, held_out: int, features_of: Callable[[Segment], FloatArray], network: str
) -> SelectorData:
    """Label the segments of all persons, with their pooled features."""
    rules, lasts_s = known_rules(), FRAMES / RATE_HZ
    segments, pooled = [], {}
    for person in range(persons + held_out):
        video, maps = f"{person:04d}", []
        orders = [Segment(person, exercise, fault) for exercise in EXERCISES for fault in FAULTS]
        for index, order in enumerate(orders):
            maps.append(features_of(order))
            segments.append(
                LabelledSegment(
                    video_id=video,
                    person=video,
                    split="train" if person < persons else "test",
                    exercise=order.exercise,
                    index=index,
                    start_s=index * lasts_s,
                    end_s=(index + 1) * lasts_s,
                    joints=standard_joints(rules[order.exercise]) | set(FAULTS[order.fault][0]),
                )
            )
        rate_hz = len(maps[0]) / lasts_s
        times_s = (np.arange(sum(map(len, maps))) + 0.5) / rate_hz
        pooled[video] = np.concatenate(maps), times_s
        print(f"person {person + 1} of {persons + held_out}", flush=True)
    return SelectorData(segments, pooled, network, "exact labels of rendering")


def by_fault(data: SelectorData, folder: Path) -> dict[str, list[float]]:
    """Count the held-out segments of each fault: in the top 12, stated, ranked first, all."""
    network = load_selector(folder / "selector").network
    found: dict[str, list[float]] = {}
    names = [fault for _ in EXERCISES for fault in FAULTS]
    for one in data.segments:
        fault = names[one.index]
        scores = segment_scores(network, data, one, math.inf) if one.split == "test" else None
        if scores is None or not fault:
            continue
        own, top = FAULTS[fault][0], most_important(scores)
        extras = [name for joints, _ in FAULTS.values() for name in joints]
        first = max(extras, key=lambda name, scores=scores: scores[JOINT_INDEX[name]])
        row = found.setdefault(fault, [0.0, 0.0, 0.0, 0.0])
        row[0] += all(name in top for name in own)
        row[1] += all(scores[JOINT_INDEX[name]] >= THRESHOLD for name in own)
        row[2] += first in own
        row[3] += 1
    return found


def rare_table_figures(data: SelectorData) -> dict[str, float | None]:
    """Score a table that fills its 12 places with the joints that faults add most often."""
    trained = [one for one in data.segments if one.split == "train"]
    held_out = [one for one in data.segments if one.split == "test"]
    shares = {
        name: np.mean([one.is_salient for one in trained if one.exercise == name], axis=0)
        for name in EXERCISES
    }
    found = selector_figures(held_out, table_scores(shares, held_out), exercise_table(trained))
    return {"top_recall": found.top_recall, "extra_found": found.extra_found}


def asked_data(asked: argparse.Namespace) -> SelectorData:
    """Make the data that the command line asks for."""
    if asked.exact_pose:
        return labelled_data(asked.persons, asked.held_out, pose_features, "exact pose")
    extractor = FeatureExtractor(load_standin(asked.standin))
    digest = sha256_file(asked.standin)[:12]
    home = asked.cache / digest

    def features_of(segment: Segment) -> FloatArray:
        return pooled_of(segment, extractor, asked.cache, home)

    return labelled_data(asked.persons, asked.held_out, features_of, f"stand-in {digest}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="rendered segments")
    parser.add_argument("--out", type=Path, help="folder of the training; default CACHE/training")
    parser.add_argument("--standin", type=Path, default=STANDIN_FILE, help="weights of features")
    parser.add_argument("--exact-pose", action="store_true", help="no pictures: an upper bound")
    parser.add_argument("--persons", type=int, default=TRAINED)
    parser.add_argument("--held-out", type=int, default=HELD_OUT)
    parser.add_argument("--loss", choices=("plain", "balanced"), default="plain")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data, digest = asked_data(asked), sha256_file(asked.standin)[:12]
    config = SelectorConfig(
        epochs=60, batch_size=64, micro_batch=64, learning_rate=3e-4, schedule="cosine",
        weight_decay=0.01, loss=asked.loss, tensorboard=False, checkpoint_every=500,
    )  # fmt: skip
    source = "pose" if asked.exact_pose else digest
    chosen = f"{source}-{asked.loss}-{asked.persons}"
    out = asked.out or asked.cache / f"training-{chosen}"
    report = run_recipe(selector_recipe(config, data), out)
    assert report is not None
    for name in ("selector", "table"):
        figures = report[name]
        assert isinstance(figures, dict)
        shown = {key: value for key, value in figures.items() if key != "f1"}
        print(name, shown)
        print("  F1 by joint", {j: round(float(v), 2) for j, v in figures["f1"].items()})
    print(f"bars: top-12 recall {LEAST_RECALL:g}, extra joint found {LEAST_FOUND:g}")
    for fault, (top, stated, first, count) in by_fault(data, out).items():
        print(f"{fault}: in the top 12 {top:.0f}, stated {stated:.0f}, first of the seven extra "
              f"joints {first:.0f}, of {count:.0f} segments")  # fmt: skip
    print("table with rare joints, too", rare_table_figures(data))


if __name__ == "__main__":
    main()
