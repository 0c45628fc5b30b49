"""How well the leak audit separates places and takes, on recordings it was not fitted to.

Every clip is cut in halves; the second half is turned, mirrored, scaled, cropped, darkened,
framed by bars and coded again, one at a time and all at once. Halves of one clip show the same
place in another take; halves of different clips show different places.

    python -m benchmarks.audit VIDEOS
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import av
import numpy as np

from qevd_bio.arrays import ByteArray
from qevd_bio.audit.audit import (
    EVERY_S,
    FOOTAGE_CORRELATION,
    PLACE_DISTANCE,
    PLACE_SIGMAS,
    Fingerprint,
    SourceVideo,
    fingerprint,
)
from qevd_bio.audit.picture_hash import best_match, chance_sigmas, shared_footage

Frames = list[ByteArray]
SAME_CLIP = {"squats_side_360p": "squats_side", "squats_side_540p": "squats_side"}

CHANGES: dict[str, Callable[[ByteArray], ByteArray]] = {
    "as it is": lambda f: f,
    "quarter turn": lambda f: np.rot90(f),
    "mirrored": lambda f: f[:, ::-1],
    "third of the size": lambda f: f[::3, ::3],
    "5 % cropped": lambda f: f[
        len(f) // 20 : -(len(f) // 20), f.shape[1] // 20 : -(f.shape[1] // 20)
    ],
    "half as bright": lambda f: (f * 0.5).astype(np.uint8),
    "bars": lambda f: np.pad(f, ((0, 0), (f.shape[1] // 3, f.shape[1] // 3), (0, 0))),
    "all but the crop": lambda f: np.pad(
        (np.rot90(f[::2, ::-2]) * 0.7).astype(np.uint8), ((90, 90), (0, 0), (0, 0))
    ),
}


def sampled(path: Path) -> Frames:
    """Frames at the audit's rate, at most 480 pixels wide."""
    frames, due = [], -np.inf
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            if frame.time >= due:
                due = frame.time + EVERY_S * (1 - 1e-6)
                scale = 480 / max(frame.width, frame.height)
                size = round(frame.width * scale), round(frame.height * scale)
                frames.append(frame.reformat(*size, "rgb24").to_ndarray())
    return frames


def write(path: Path, frames: Frames, crf: int) -> None:
    """Encode frames again."""
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=round(1 / EVERY_S), options={"crf": str(crf)}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for image in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def fingerprint_of(path: Path) -> Fingerprint:
    """Read a file as the audit does."""
    return fingerprint(SourceVideo(path.stem, "train", path, {}, ()))


def compared(one: Fingerprint, other: Fingerprint) -> tuple[float, float, float]:
    """Distance, sigmas and correlation of what moves, of the best two shots."""
    found = [(best_match(a, b), a, b) for a in one.shots for b in other.shots]
    match, a, b = max(found, key=lambda item: chance_sigmas(item[0]))
    return match.distance, chance_sigmas(match), shared_footage(a, b, match.view, 10)[0]


def main(folder: Path) -> None:
    """Print the tables."""
    clips = {path.stem: sampled(path) for path in sorted(folder.rglob("*.mp4"))}
    halves: dict[str, tuple[Fingerprint, Fingerprint]] = {}
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in CHANGES}
    takes: dict[str, list[tuple[float, float, float]]] = {name: [] for name in CHANGES}
    with tempfile.TemporaryDirectory() as home:
        for stem, frames in clips.items():
            middle = len(frames) // 2
            parts = []
            for part, piece in (("a", frames[:middle]), ("b", frames[middle:])):
                path = Path(home) / f"{stem}-{part}.mp4"
                write(path, piece, 20)
                parts.append(fingerprint_of(path))
            halves[stem] = (parts[0], parts[1])
            for name, change in CHANGES.items():
                path = Path(home) / f"{stem}-{name.replace(' ', '-').replace('%', '')}.mp4"
                write(path, [change(frame) for frame in frames[middle:]], 36)
                changed = fingerprint_of(path)
                rows[name].append(compared(parts[1], changed))
                takes[name].append(compared(parts[0], changed))
    print("coded again with crf 36; found in n of n clips, least sigmas, least correlation\n")
    print("| change | the same footage | another take | ... called footage |\n|---|---|---|---|")
    for name in CHANGES:
        found = [row for row in rows[name] if is_place(row)]
        other = [row for row in takes[name] if is_place(row)]
        called = sum(row[2] >= FOOTAGE_CORRELATION for row in other)
        same = (
            f"{len(found)} of {len(rows[name])}, {min(row[1] for row in rows[name]):.1f}, "
            f"{min((row[2] for row in found), default=0.0):.2f}"
        )
        print(f"| {name} | {same} | {len(other)} of {len(takes[name])} | {called} |")
    apart = []
    for one, two in combinations(halves, 2):
        if SAME_CLIP.get(one, one) != SAME_CLIP.get(two, two):
            apart += [(*compared(a, b), one, two) for a in halves[one] for b in halves[two]]
    apart.sort(key=lambda item: -item[1])
    wrong = sum(is_place(item[:3]) for item in apart)
    print(f"\n{len(apart)} pairs of different places: {wrong} called the same; the closest:")
    for distance, sigmas, _, one, two in apart[:3]:
        print(f"  {sigmas:.1f} sigmas (distance {distance:.2f}): {one}, {two}")


def corners(folder: Path, home: Path) -> None:
    """Take the four corners of each clip for different places: more pairs that must not agree."""
    places = {}
    for path in sorted(folder.rglob("*.mp4")):
        if path.stem == "squats_side_360p":
            continue
        frames = sampled(path)
        tall, wide = (side // 2 for side in frames[0].shape[:2])
        for name, rows, columns in (
            ("top left", slice(0, tall), slice(0, wide)),
            ("top right", slice(0, tall), slice(wide, None)),
            ("bottom left", slice(tall, None), slice(0, wide)),
            ("bottom right", slice(tall, None), slice(wide, None)),
        ):
            file = home / f"{path.stem}-{name.replace(' ', '-')}.mp4"
            write(file, [frame[rows, columns] for frame in frames], 30)
            places[f"{path.stem} {name}"] = fingerprint_of(file)
    found = [(*compared(places[a], places[b]), a, b) for a, b in combinations(places, 2)]
    found.sort(key=lambda item: -item[1])
    wrong = sum(is_place(item[:3]) for item in found)
    print(f"\n{len(found)} pairs of corners: {wrong} called the same; the closest:")
    for distance, sigmas, _, one, two in found[:3]:
        print(f"  {sigmas:.1f} sigmas (distance {distance:.2f}): {one}, {two}")


def is_place(row: tuple[float, float, float]) -> bool:
    """Judge as the audit does."""
    return row[0] <= PLACE_DISTANCE and row[1] >= PLACE_SIGMAS


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as scratch:
        corners(Path(sys.argv[1]), Path(scratch))
