"""The page of suspicious pairs: the two frames side by side, with the bits that differ drawn."""

from __future__ import annotations

import base64
from fractions import Fraction
from html import escape

import av
import numpy as np
from numpy.typing import NDArray

from qevd_bio.audit.audit import EVERY_S, Audit, Looked, Pair
from qevd_bio.audit.picture_hash import CELLS, Background, differing_cells, seen_as

Picture = NDArray[np.uint8]

MOST_PAIRS = 200
_SIDE_PX = 320
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """\
:root{color-scheme:light dark}
body{margin:0 auto;max-width:64rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif}
article{border:1px solid #8888;border-radius:.5rem;padding:.75rem 1rem;margin:1rem 0}
h2{font-size:1.1rem;margin:0}
figure{display:inline-block;margin:.5rem .75rem .25rem 0;vertical-align:top}
img{max-width:18rem;height:auto;display:block}
figcaption,.facts{font-size:.875rem}table{border-collapse:collapse;font-size:.875rem}
td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-top:1px solid #8886}
"""


def audit_page(found: Audit) -> str:
    """Write the page.

    Parameters
    ----------
    found : Audit
        Its files are read again for the pictures.

    Returns
    -------
    str
        HTML that needs no other file and no script.
    """
    pairs = found.suspicious
    title = f"{len(pairs)} suspicious of {len(found.pairs)} pairs of train and test"
    articles = "".join(_article(pair, found) for pair in pairs[:MOST_PAIRS])
    rest = f"<p>{len(pairs) - MOST_PAIRS} more are in the list.</p>" if pairs[MOST_PAIRS:] else ""
    unseen = "".join(
        f"<tr><td>{escape(video)}</td><td>{escape(cause)}</td></tr>"
        for video, cause in found.unseen.items()
    )
    unseen = f"<h2>Not seen</h2><table>{unseen}</table>" if unseen else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n"
        "<p>The frames show the shots whose backgrounds agree most, the second turned and "
        "mirrored as it agrees. In the third picture a cell is green where the signs of its "
        "differences agree in both backgrounds, red where they differ, grey where something "
        "moves or the picture is too plain to tell. What this can and cannot see: "
        "docs/audit.md.</p>\n"
        f"<main>\n{articles}{rest}{unseen}</main>\n</body>\n</html>\n"
    )


def evidence(pair: Pair) -> list[tuple[str, str]]:
    """Tell the numbers of a pair in words: what, and its value."""
    rows = []
    if pair.match is not None:
        share = _rarity(pair.closer_share)
        rows = [
            (
                "background",
                f"{pair.match.distance:.3f} of {pair.match.common} bits differ; {share}",
            ),
            ("against chance", f"{pair.sigmas:.1f} standard deviations closer than unlike places"),
            ("movement", f"correlation {pair.footage:.2f} at a shift of {pair.shift_s:+.1f} s"),
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


def _article(pair: Pair, found: Audit) -> str:
    train, test = found.looked[pair.train], found.looked[pair.test]
    view = 0 if pair.match is None else pair.match.view
    one, other = (looked.shots[i] for looked, i in zip((train, test), pair.shots, strict=True))
    # the same moment of both, where it is the same footage
    shift = round(pair.shift_s / EVERY_S)
    middle = (max(one.first, other.first + shift) + min(one.last, other.last + shift)) // 2
    figures = [
        (_frame(train, one, middle, 0), f"{pair.train} (train), {middle * EVERY_S:.1f} s"),
        (
            _frame(test, other, middle - shift, view),
            f"{pair.test} (test), {(middle - shift) * EVERY_S:.1f} s",
        ),
        (_drawn(one, other), "background: same and differing cells"),
    ]
    pictures = "".join(
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{_png(picture)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for picture, caption in figures
    )
    facts = "".join(
        f"<tr><th>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in evidence(pair)
    )
    name = f"{pair.train} and {pair.test}: {pair.suspicion}"
    return f"<article><h2>{escape(name)}</h2>{pictures}<table>{facts}</table></article>\n"


def _frame(looked: Looked, shot: Background, number: int, view: int) -> Picture:
    """Read the frame of a thumbnail, within its shot, in its own proportions."""
    number = min(max(number, shot.first), shot.last - 1)
    picture: Picture = np.zeros((CELLS, CELLS, 3), np.uint8)
    due_s, taken = -np.inf, -1
    with av.open(str(looked.subject.file)) as container:
        for frame in container.decode(container.streams.video[0]):
            if frame.time is None or frame.time < due_s:
                continue
            due_s, taken = frame.time + EVERY_S * (1.0 - 1e-6), taken + 1
            if taken == number:
                scale = _SIDE_PX / max(frame.width, frame.height)
                size = max(round(frame.width * scale), 2), max(round(frame.height * scale), 2)
                picture = frame.reformat(*size, "rgb24").to_ndarray().astype(np.uint8)
                break
    return np.ascontiguousarray(seen_as(picture, view))


def _drawn(one: Background, other: Background) -> Picture:
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
