"""The leak audit: the same person or footage in both splits, with the evidence for each pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from qevd_bio.audit.picture_hash import (
    SIDE,
    Background,
    Match,
    backgrounds,
    best_match,
    chance_sigmas,
    shared_footage,
)
from qevd_bio.audit.thumbnails import grey_thumbnails
from qevd_bio.errors import VideoError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue

EVERY_S = 0.2
PLACE_DISTANCE = 0.20
PLACE_SIGMAS = 5.5
"""Standard deviations below chance: of 11,000 pairs of coins in 40 views 0.01 would pass."""

FOOTAGE_CORRELATION = 0.75
FOOTAGE_LEAST_S = 2.0

Suspicion = Literal["same file", "same footage", "same place", ""]


@dataclass(frozen=True, slots=True)
class Subject:
    """A video to be compared with others.

    Attributes
    ----------
    video_id, split : str
        Unit id, and ``train`` or ``test``.
    file : Path
        The video.
    body : mapping of str to float
        Lengths of segments in shares of thigh, shank and trunk; empty where not measured.
    betas : tuple of float
        Body shape; empty where the backend gives none.
    """

    video_id: str
    split: str
    file: Path
    body: Mapping[str, float]
    betas: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen of a subject.

    Attributes
    ----------
    subject : Subject
        Whose it is.
    digest : str
        Sha256 of the file.
    shots : tuple of Background
        In order of time.
    """

    subject: Subject
    digest: str
    shots: tuple[Background, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two videos of different splits, and what speaks for one source.

    Attributes
    ----------
    train, test : str
        Unit ids.
    suspicion : str
        The strongest claim that holds, or empty.
    match : Match or None
        Of the two shots whose backgrounds agree most; None where a video could not be read.
    sigmas : float
        How far the distance lies below chance.
    closer_share : float
        Share of all other pairs whose backgrounds agree at least as much.
    footage : float
        Correlation of what moves in those shots; 0 where the places differ.
    shots : tuple of int
        Numbers of the shots, in train and test.
    shift_s : float
        How much later the footage begins in the test video's shot than in the train video's.
    body_distance : float or None
        Root mean square difference of the logarithms of the proportions.
    body_closer_share : float or None
        Share of all other pairs whose bodies are at least as alike.
    """

    train: str
    test: str
    suspicion: Suspicion
    match: Match | None
    sigmas: float
    closer_share: float
    footage: float
    shots: tuple[int, int]
    shift_s: float
    body_distance: float | None
    body_closer_share: float | None

    def as_json(self) -> dict[str, JsonValue]:
        """Tell the pair as a JSON value."""
        return {
            "train": self.train,
            "test": self.test,
            "suspicion": self.suspicion,
            "distance": None if self.match is None else self.match.distance,
            "common_bits": None if self.match is None else self.match.common,
            "view": None if self.match is None else self.match.view,
            "sigmas": self.sigmas,
            "closer_share": self.closer_share,
            "footage_correlation": self.footage,
            "shots": list(self.shots),
            "shift_s": self.shift_s,
            "body_distance": self.body_distance,
            "body_closer_share": self.body_closer_share,
        }


@dataclass(frozen=True, slots=True)
class Audit:
    """What the audit found.

    Attributes
    ----------
    pairs : tuple of Pair
        Every pair of train and test, suspicious ones first, then by distance.
    looked : mapping of str to Looked
        By unit id.
    unseen : mapping of str to str
        Videos that could not be read, and why.
    """

    pairs: tuple[Pair, ...]
    looked: Mapping[str, Looked]
    unseen: Mapping[str, str]

    @property
    def suspicious(self) -> tuple[Pair, ...]:
        """The pairs that somebody should look at."""
        return tuple(pair for pair in self.pairs if pair.suspicion)


def audit(
    subjects: Sequence[Subject], *, on_video: Callable[[str], None] = lambda _video: None
) -> Audit:
    """Compare every video of train with every video of test.

    Parameters
    ----------
    subjects : sequence of Subject
        Of both splits.
    on_video : callable
        Told the id of each video before it is read.

    Returns
    -------
    Audit
    """
    looked: dict[str, Looked] = {}
    unseen: dict[str, str] = {}
    for subject in subjects:
        on_video(subject.video_id)
        try:
            looked[subject.video_id] = look_at(subject)
        except VideoError as error:
            unseen[subject.video_id] = error.message
    sides = [[one for one in subjects if one.split == split] for split in ("train", "test")]
    raw = [_compared(one, other, looked) for one, other in product(*sides)]
    matches = sorted(pair.match.distance for pair in raw if pair.match is not None)
    bodies = sorted(pair.body_distance for pair in raw if pair.body_distance is not None)
    pairs = [_ranked(pair, matches, bodies) for pair in raw]
    order = ("same file", "same footage", "same place", "")
    pairs.sort(key=lambda p: (order.index(p.suspicion), -p.sigmas, p.train, p.test))
    return Audit(tuple(pairs), looked, unseen)


def look_at(subject: Subject) -> Looked:
    """Read a video once: its digest and the backgrounds of its shots.

    Raises
    ------
    VideoError
        It cannot be read.
    """
    thumbnails = grey_thumbnails(subject.file, side_px=SIDE, every_s=EVERY_S)
    return Looked(
        subject, sha256_file(subject.file), tuple(backgrounds(thumbnails.astype(np.float64)))
    )


def body_distance(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """Compare the proportions of two bodies.

    Parameters
    ----------
    one, other : mapping of str to float
        Positive shares by segment.

    Returns
    -------
    float or None
        Root mean square difference of the logarithms, so 0.05 is about 5 %; None without a
        common segment.
    """
    shared = sorted(set(one) & set(other))
    if not shared:
        return None
    squares = [math.log(one[name] / other[name]) ** 2 for name in shared]
    return math.sqrt(sum(squares) / len(squares))


def _compared(one: Subject, other: Subject, looked: Mapping[str, Looked]) -> Pair:
    body = (
        math.dist(one.betas, other.betas)
        if one.betas and len(one.betas) == len(other.betas)
        else body_distance(one.body, other.body)
    )
    a, b = looked.get(one.video_id), looked.get(other.video_id)
    empty = Pair(one.video_id, other.video_id, "", None, 0.0, 1.0, 0.0, (0, 0), 0.0, body, None)
    if a is None or b is None or not a.shots or not b.shots:
        return empty
    found = [
        (best_match(first, second), i, j)
        for (i, first), (j, second) in product(enumerate(a.shots), enumerate(b.shots))
    ]
    match, i, j = max(found, key=lambda one: chance_sigmas(one[0]))
    sigmas, footage, shift_s = chance_sigmas(match), 0.0, 0.0
    suspicion: Suspicion = "same file" if a.digest == b.digest else ""
    if match.distance <= PLACE_DISTANCE and sigmas >= PLACE_SIGMAS:
        least = round(FOOTAGE_LEAST_S / EVERY_S)
        footage, shift = shared_footage(a.shots[i], b.shots[j], match.view, least)
        shift_s = (shift + a.shots[i].first - b.shots[j].first) * EVERY_S
        same = footage >= FOOTAGE_CORRELATION
        suspicion = suspicion or ("same footage" if same else "same place")
    return Pair(one.video_id, other.video_id, suspicion, match, sigmas, 1.0, footage, (i, j),
                shift_s, body, None)  # fmt: skip


def _ranked(pair: Pair, matches: Sequence[float], bodies: Sequence[float]) -> Pair:
    closer = 1.0 if pair.match is None else _share(matches, pair.match.distance)
    body = None if pair.body_distance is None else _share(bodies, pair.body_distance)
    changed: dict[str, Any] = {"closer_share": closer, "body_closer_share": body}
    return Pair(**{name: changed.get(name, getattr(pair, name)) for name in Pair.__slots__})


def _share(values: Sequence[float], value: float) -> float:
    """Count the other values that are not larger, as a share of the others."""
    others = len(values) - 1
    return (sum(one <= value for one in values) - 1) / others if others else 0.0
