"""Which exercise is it? The shipped model, GyML's method and others on real and made people.

    python -m benchmarks.recognition --data DATA --cache CACHE [--held-out] [--made N]

Ours is what the package ships. GyML's method (standardise, principal components of 75 % of the
variance, logistic regression, multinomial or one against the rest) sees the same cycles as
curves, every fourth of their 101 points. Models of recordings are tried on persons whom they have
not seen; beside them is the split that lets cycles of one recording into both sides, which
flatters.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.labelled_recordings import ALLOWED, Labelled, read_labelled
from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.recognise import answer_of, set_curves
from qevd_bio.exercises.recognition_features import features_of_curves
from qevd_bio.exercises.recognition_model import shipped_model
from qevd_bio.motion.record import Motion
from tools.recognition.items import Items
from tools.recognition.train import SEED, made_people, trained

FOLDS = 4
CONFIDENT = 0.8
MADE_FOR_GYML = 12
KINDS = {
    "squatting": "squat squat_jumps sit_to_stand boxing_squat_punches squat_kicks burpee",
    "lunging": "walking_lunges split_squat lunge_jumps lateral_lunge",
    "bending forward": "deadlift good_mornings floor_touches",
    "hands and feet": "pushup knee_pushup moving_plank plank plank_taps mountain_climbers "
    "bird_dog",
    "on the back": "crunch sit_up glute_bridge",
    "arms": "biceps_curl overhead_press front_raise lateral_raise pull_up shoulder_gators "
    "bench_dip deltoid_stretch",
    "jumping": "jumping_jack air_jump_rope puddle_jumps",
    "stepping": "high_knees high_knees_march butt_kickers standing_kicks hurdle_step quick_feet "
    "quad_stretch",
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names.split()}
"""Exercises that move alike: who names another of the same kind is less far off."""

EVERY = 4
"""Neighbouring points of a smooth curve say the same, and the components take long."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One recording as classifiers see it: curves (N, P * C) and features (N, F) of its cycles."""

    group: str
    subject: str
    label: str
    is_development: bool
    curves: FloatArray
    features: FloatArray

    def is_right(self, answer: str) -> bool:
        """Whether an answer is the label, or one of two."""
        return answer in self.label.split("|")

    def is_alike(self, answer: str) -> bool:
        """Whether an answer is of the label's kind."""
        return any(KIND_OF.get(answer) == KIND_OF[one] for one in self.label.split("|"))


def seen(group: str, subject: str, label: str, is_development: bool, motion: Motion) -> Seen:
    """Cut a motion into cycles and describe each both ways."""
    pieces = set_curves(motion, 0, len(motion.time_s))
    curves = np.array([np.nan_to_num(c[::EVERY]).ravel() for c, _ in pieces])
    features = np.array([features_of_curves(c, s) for c, s in pieces])
    return Seen(group, subject, label, is_development, curves, features)


Answers = Callable[[Seen], tuple[str, float]]
"""The exercise that a method names for a recording, empty for none, and its probability."""


def shipped(one: Seen) -> tuple[str, float]:
    model = shipped_model()
    answer = answer_of(model.pooled(one.features), model)
    return answer.exercise or "", answer.probability


def gyml(people: Sequence[Seen], *, against_the_rest: bool) -> Answers:
    """Fit GyML's method; the recording is what its cycles say together."""
    regression: Any = LogisticRegression(max_iter=200)
    if against_the_rest:
        regression = OneVsRestClassifier(regression)
    model = make_pipeline(StandardScaler(), PCA(0.75, svd_solver="full"), regression)
    model.fit(np.concatenate([p.curves for p in people]), _labels(people))

    def answer(one: Seen) -> tuple[str, float]:
        logs = np.log(np.maximum(model.predict_proba(one.curves), 1e-6)).mean(axis=0)
        odds = np.exp(logs - logs.max())
        best = int(odds.argmax())
        return str(model.classes_[best]), float(odds[best] / odds.sum())

    return answer


def ours(people: Sequence[Seen]) -> Answers:
    """Train our method on people."""
    rows = np.concatenate([p.features for p in people])
    model = trained(Items(rows, _labels(people), np.zeros(len(rows), dtype=np.int64)))

    def answer(one: Seen) -> tuple[str, float]:
        said = answer_of(model.pooled(one.features), model)
        return said.exercise or "", said.probability

    return answer


def _labels(people: Sequence[Seen]) -> NDArray[np.str_]:
    return np.concatenate([[p.label.split("|")[0]] * len(p.curves) for p in people])


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a method on recordings; None where there are no recordings of the kind."""

    recordings: int
    accuracy: float
    balanced: float
    precision: float
    kind: float
    refused: float
    sure_and_wrong: int
    confusions: Counter[tuple[str, str]]
    by_group: dict[str, tuple[int, int]]


def figures(people: Sequence[Seen], answers: Answers) -> Figures:
    """Compare a method's answers with the labels."""
    said = [(one, *answers(one)) for one in people if len(one.curves)]
    right = defaultdict(list)
    named, alike = defaultdict(list), defaultdict(list)
    by_group: dict[str, tuple[int, int]] = {}
    for one, answer, _ in said:
        is_right = one.is_right(answer)
        right[one.label].append(is_right)
        named[answer].append(is_right)
        if one.label:
            alike[one.label].append(one.is_alike(answer))
        hits, of = by_group.get(one.group, (0, 0))
        by_group[one.group] = hits + is_right, of + 1
    exercises = [label for label in right if label]
    hits = [one for label in exercises for one in right[label]]
    return Figures(
        len(said),
        _mean(hits),
        _mean([_mean(right[label]) for label in exercises]),
        _mean([_mean(v) for name, v in named.items() if name and _is_asked(name, exercises)]),
        _mean([_mean(alike[label]) for label in exercises]),
        _mean(right.get("", [])),
        sum(p >= CONFIDENT and bool(a) and not one.is_right(a) for one, a, p in said),
        Counter((one.label or "none", a or "none") for one, a, _ in said if not one.is_right(a)),
        by_group,
    )


def _is_asked(name: str, labels: Sequence[str]) -> bool:
    return any(name in label.split("|") for label in labels)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def across_persons(people: Sequence[Seen], fit: Callable[[Sequence[Seen]], Answers]) -> Answers:
    """Answer for each recording by a model that has not seen its person."""
    subjects = sorted({one.subject for one in people})
    fold_of = {s: i % FOLDS for i, s in enumerate(np.random.default_rng(1).permutation(subjects))}
    models = [
        fit([one for one in people if fold_of[one.subject] != fold]) for fold in range(FOLDS)
    ]
    return lambda one: models[fold_of[one.subject]](one)


def across_cycles(people: Sequence[Seen], fit: Callable[[Sequence[Seen]], Answers]) -> Answers:
    """Answer by a model that has seen the other cycles of the same recording: the leak."""
    halves = []
    for part in range(2):
        halves.append([_some_cycles(one, part) for one in people])
    models = [fit([one for one in half if len(one.curves)]) for half in halves]
    return lambda one: models[1](_some_cycles(one, 0)) if len(one.curves) > 1 else models[0](one)


def _some_cycles(one: Seen, part: int) -> Seen:
    return Seen(one.group, one.subject, one.label, one.is_development, one.curves[part::2],
                one.features[part::2])  # fmt: skip


def _line(name: str, on: str, found: Figures) -> str:
    return (
        f"| {name} | {on} | {found.recordings} | {found.accuracy:.2f} | {found.balanced:.2f} | "
        f"{found.precision:.2f} | {found.kind:.2f} | {found.refused:.2f} | "
        f"{found.sure_and_wrong} |"
    )


HEAD = (
    "| method | recordings | n | accuracy | balanced (recall) | precision | kind | none refused | "
    f"wrong at >= {CONFIDENT} |\n|---|---|---|---|---|---|---|---|---|"
)


def details(found: Figures) -> str:
    """List the groups and the confusions of one method."""
    groups = "\n".join(f"| {g} | {a} of {b} |" for g, (a, b) in sorted(found.by_group.items()))
    wrong = "\n".join(
        f"| {a.replace('|', ' or ')} | {b} | {n} |" for (a, b), n in found.confusions.most_common()
    )
    return (
        f"| group | right |\n|---|---|\n{groups}\n\n| is | taken for | n |\n|---|---|---|\n{wrong}"
    )


def main() -> None:
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--made", type=int, default=6, help="made people of each exercise")
    given = parser.parse_args()
    real = [_seen_of(one) for one in read_labelled(given.data, given.cache)]
    half = [p for p in real if p.is_development != given.held_out and len(p.curves)]
    unseen = [p for p in half if given.held_out or p.group not in ALLOWED]
    made = [seen("made", "", p.label, True, p.motion)
            for p in made_people(given.made, 10 * given.made, SEED + 7)]  # fmt: skip
    own = "held-out half" if given.held_out else "development half"
    print(HEAD)
    best = figures(unseen, shipped)
    print(_line("ours, shipped", f"real, {own}", best))
    print(_line("ours, shipped", "made people", figures(made, shipped)), flush=True)
    taught = [seen("made", "", p.label, True, p.motion)
              for p in made_people(MADE_FOR_GYML, 10 * MADE_FOR_GYML, SEED)]  # fmt: skip
    for rest, name in ((False, "GyML, multinomial"), (True, "GyML, one against the rest")):
        method = gyml([p for p in taught if len(p.curves)], against_the_rest=rest)
        print(_line(f"{name}, made people", f"real, {own}", figures(unseen, method)))
        print(_line(f"{name}, made people", "made people", figures(made, method)), flush=True)
    if not given.held_out:
        fits: tuple[tuple[str, Callable[[Sequence[Seen]], Answers]], ...] = (
            ("GyML, multinomial", lambda people: gyml(people, against_the_rest=False)),
            ("GyML, one against the rest", lambda people: gyml(people, against_the_rest=True)),
            ("ours, trained on recordings", ours),
        )
        for name, fit in fits:
            print(_line(name, "real, other persons", figures(half, across_persons(half, fit))))
            leaky = figures(half, across_cycles(half, fit))
            print(_line(name, "real, other cycles (leaks)", leaky), flush=True)
    print(f"\n### Ours, shipped, {own}\n\n{details(best)}")
    print(f"\n### Ours, shipped, made people\n\n{details(figures(made, shipped))}")


def _seen_of(one: Labelled) -> Seen:
    return seen(one.group, one.subject, one.label, one.is_development, one.motion)


if __name__ == "__main__":
    main()
