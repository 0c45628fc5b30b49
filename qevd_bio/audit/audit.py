"""The leak audit: the same person or footage in both splits, with the evidence for each pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal

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
_ORDER: tuple[Suspicion, ...] = ("same file", "same footage", "same place", "")


@dataclass(frozen=True, slots=True)
class SourceVideo:
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
class Fingerprint:
    """What videos are compared by: the sha256 of the file, and its shots in order of time."""

    video: SourceVideo
    digest: str
    shots: tuple[Background, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two videos of different splits, and the evidence for one source.

    Attributes
    ----------
    train, test : str
        Unit ids.
    body_distance : float or None
        Root mean square difference of the logarithms of the proportions.
    suspicion : str
        The strongest claim that holds, or empty.
    match : Match or None
        Of the two shots with the backgrounds that agree most; None where a video could not be
        read.
    sigmas : float
        How far the distance lies below chance.
    footage_correlation : float
        Correlation of what moves in those shots; 0 where the places differ.
    shots : tuple of int
        Numbers of the shots, in train and test.
    shift_s : float
        How much later the footage begins in the test video's shot than in the train video's.
    closer_share, body_closer_share : float or None
        Share of all other pairs with backgrounds, or bodies, at least as alike.
    """

    train: str
    test: str
    body_distance: float | None
    suspicion: Suspicion = ""
    match: Match | None = None
    sigmas: float = 0.0
    footage_correlation: float = 0.0
    shots: tuple[int, int] = (0, 0)
    shift_s: float = 0.0
    closer_share: float = 1.0
    body_closer_share: float | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """Spell the pair out."""
        numbers = asdict(self)
        match = numbers.pop("match") or dict.fromkeys(("distance", "common", "view"))
        return {
            **numbers,
            "distance": match["distance"],
            "common_bits": match["common"],
            "view": match["view"],
        }


@dataclass(frozen=True, slots=True)
class Audit:
    """What the audit found.

    Attributes
    ----------
    pairs : tuple of Pair
        Every pair of train and test, suspicious ones first, then by distance.
    fingerprints : mapping of str to Fingerprint
        By unit id.
    unreadable : mapping of str to str
        Videos that could not be read, and why.
    """

    pairs: tuple[Pair, ...]
    fingerprints: Mapping[str, Fingerprint]
    unreadable: Mapping[str, str]

    @property
    def suspicious(self) -> tuple[Pair, ...]:
        """The pairs that a person should review."""
        return tuple(pair for pair in self.pairs if pair.suspicion)


def audit(
    videos: Sequence[SourceVideo], *, on_video: Callable[[str], None] = lambda _video: None
) -> Audit:
    """Compare every video of train with every video of test.

    `on_video` is called with the id of each video before it is read.
    """
    found: dict[str, Fingerprint] = {}
    unreadable: dict[str, str] = {}
    for video in videos:
        on_video(video.video_id)
        try:
            found[video.video_id] = fingerprint(video)
        except VideoError as error:
            unreadable[video.video_id] = error.message
    sides = [[one for one in videos if one.split == split] for split in ("train", "test")]
    raw = [_compare(one, other, found) for one, other in product(*sides)]
    matches = [pair.match.distance for pair in raw if pair.match is not None]
    bodies = [pair.body_distance for pair in raw if pair.body_distance is not None]
    pairs = [_ranked(pair, matches, bodies) for pair in raw]
    pairs.sort(key=lambda p: (_ORDER.index(p.suspicion), -p.sigmas, p.train, p.test))
    return Audit(tuple(pairs), found, unreadable)


def fingerprint(video: SourceVideo) -> Fingerprint:
    """Read a video once: its digest and the backgrounds of its shots; may be a `VideoError`."""
    thumbnails = grey_thumbnails(video.file, side_px=SIDE, every_s=EVERY_S)
    shots = tuple(backgrounds(thumbnails.astype(np.float64)))
    return Fingerprint(video, sha256_file(video.file), shots)


def body_distance(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """Compare the proportions of two bodies, given as positive shares by segment.

    Root mean square difference of the logarithms, so 0.05 is about 5 %; None without a common
    segment.
    """
    shared = sorted(set(one) & set(other))
    if not shared:
        return None
    squares = [math.log(one[name] / other[name]) ** 2 for name in shared]
    return math.sqrt(sum(squares) / len(squares))


def _compare(one: SourceVideo, other: SourceVideo, found: Mapping[str, Fingerprint]) -> Pair:
    body = (
        math.dist(one.betas, other.betas)
        if one.betas and len(one.betas) == len(other.betas)
        else body_distance(one.body, other.body)
    )
    pair = Pair(one.video_id, other.video_id, body)
    a, b = found.get(one.video_id), found.get(other.video_id)
    if a is None or b is None or not a.shots or not b.shots:
        return pair
    matches = [
        (best_match(first, second), i, j)
        for (i, first), (j, second) in product(enumerate(a.shots), enumerate(b.shots))
    ]
    match, i, j = max(matches, key=lambda one: chance_sigmas(one[0]))
    sigmas, correlation, shift_s = chance_sigmas(match), 0.0, 0.0
    suspicion: Suspicion = "same file" if a.digest == b.digest else ""
    if match.distance <= PLACE_DISTANCE and sigmas >= PLACE_SIGMAS:
        least = round(FOOTAGE_LEAST_S / EVERY_S)
        correlation, shift = shared_footage(a.shots[i], b.shots[j], match.view, least)
        shift_s = (shift + a.shots[i].first - b.shots[j].first) * EVERY_S
        same = correlation >= FOOTAGE_CORRELATION
        suspicion = suspicion or ("same footage" if same else "same place")
    return replace(
        pair,
        suspicion=suspicion,
        match=match,
        sigmas=sigmas,
        footage_correlation=correlation,
        shots=(i, j),
        shift_s=shift_s,
    )


def _ranked(pair: Pair, matches: Sequence[float], bodies: Sequence[float]) -> Pair:
    body = None if pair.body_distance is None else _share(bodies, pair.body_distance)
    if pair.match is None:
        return replace(pair, body_closer_share=body)
    closer = _share(matches, pair.match.distance)
    return replace(pair, closer_share=closer, body_closer_share=body)


def _share(values: Sequence[float], value: float) -> float:
    """Count the other values that are not larger, as a share of the others."""
    others = len(values) - 1
    return (sum(one <= value for one in values) - 1) / others if others else 0.0
