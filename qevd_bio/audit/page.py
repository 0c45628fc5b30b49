"""The page of suspicious pairs: the two frames side by side, with the bits that differ drawn."""

from __future__ import annotations

import base64
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from qevd_bio.audit.audit import EVERY_S, Audit, Fingerprint, Pair
from qevd_bio.audit.picture_hash import CELLS, Background, differing_cells, turned
from qevd_bio.audit.thumbnails import frames_every
from qevd_bio.files.templates import render

Picture = NDArray[np.uint8]

MOST_PAIRS = 200
_SIDE_PX = 320


def audit_page(found: Audit) -> str:
    """Write an HTML page that needs no other file and no script.

    The videos are read again for the pictures.
    """
    pairs = found.suspicious
    return render(
        "qevd_bio.audit",
        "audit.html",
        title=f"{len(pairs)} suspicious of {len(found.pairs)} pairs of train and test",
        pairs=[
            {
                "name": f"{pair.train} and {pair.test}: {pair.suspicion}",
                "figures": [
                    (caption, _png(picture)) for caption, picture in _figures(pair, found)
                ],
                "facts": evidence(pair),
            }
            for pair in pairs[:MOST_PAIRS]
        ],
        left_out=len(pairs[MOST_PAIRS:]),
        unreadable=found.unreadable,
    )


def evidence(pair: Pair) -> list[tuple[str, str]]:
    """List the numbers of a pair: what, and its value."""
    rows = []
    if pair.match is not None:
        share = _rarity(pair.closer_share)
        rows = [
            (
                "background",
                f"{pair.match.distance:.3f} of {pair.match.common} bits differ; {share}",
            ),
            ("against chance", f"{pair.sigmas:.1f} standard deviations closer than unlike places"),
            (
                "movement",
                f"correlation {pair.footage_correlation:.2f} at a shift of {pair.shift_s:+.1f} s",
            ),
        ]
    if pair.body_distance is not None and pair.body_closer_share is not None:
        share = _rarity(pair.body_closer_share)
        rows.append(("body (weak)", f"proportions differ by {pair.body_distance:.3f}; {share}"))
    return rows


def _rarity(closer_share: float) -> str:
    if closer_share == 0.0:
        return "no other pair is as close"
    percent = 100.0 * closer_share
    return f"{percent:.{0 if percent >= 1.0 else 2}f} % of the other pairs are as close"


def _figures(pair: Pair, found: Audit) -> list[tuple[str, Picture]]:
    """Draw the same moment of both videos, and their backgrounds against each other."""
    train, test = found.fingerprints[pair.train], found.fingerprints[pair.test]
    one, other = train.shots[pair.shots[0]], test.shots[pair.shots[1]]
    shift = round(pair.shift_s / EVERY_S)
    first = (max(one.first, other.first + shift) + min(one.last, other.last + shift)) // 2
    second = first - shift
    return [
        (f"{pair.train} (train), {first * EVERY_S:.1f} s", _frame(train, one, first, 0)),
        (
            f"{pair.test} (test), {second * EVERY_S:.1f} s",
            _frame(test, other, second, 0 if pair.match is None else pair.match.view),
        ),
        ("background: same and differing cells", _cells_drawn(one, other)),
    ]


def _frame(source: Fingerprint, shot: Background, number: int, view: int) -> Picture:
    """Read the frame of a thumbnail, within its shot, in its own proportions."""
    number = min(max(number, shot.first), shot.last - 1)
    picture: Picture = np.zeros((CELLS, CELLS, 3), np.uint8)
    for place, frame in enumerate(frames_every(source.video.file, EVERY_S)):
        if place == number:
            scale = _SIDE_PX / max(frame.width, frame.height)
            size = max(round(frame.width * scale), 2), max(round(frame.height * scale), 2)
            picture = frame.reformat(*size, "rgb24").to_ndarray().astype(np.uint8)
            break
    return np.ascontiguousarray(turned(picture, view))


def _cells_drawn(one: Background, other: Background) -> Picture:
    same, differing = differing_cells(one, other)
    picture = np.full((CELLS, CELLS, 3), 128, np.uint8)
    picture[same] = (40, 140, 60)
    picture[differing] = (200, 50, 40)
    return np.kron(picture, np.ones((_SIDE_PX // CELLS, _SIDE_PX // CELLS, 1), np.uint8))


def _png(picture: Picture) -> str:
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = picture.shape[1], picture.shape[0], "rgb24"
    codec.time_base = Fraction(1)
    packets = codec.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")) + codec.encode()
    return base64.b64encode(b"".join(bytes(packet) for packet in packets)).decode("ascii")
