"""Keep rendered clips in few small files, so that sessions on other machines go on from them.

A pack (.npz) holds the landmarks and the truth of many clips, about 12 kB each: whole numbers,
differences from frame to frame, compressed. Packs may be committed; pictures are never kept.

N clips, T frames of all clips
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.files.atomic import atomic_path

PACK_CLIPS = 400
"""Most clips of a pack: under 5 MB."""

STEPS = {
    "image_px": 1 / 16, "world_m": 5e-4, "visibility": 1 / 250, "q": 5e-4, "joints_m": 5e-4,
    "place_m": 1e-3,
}  # fmt: skip
"""What one whole number stands for; `joints_m` are from `place_m`, the first joint."""

_LOST = np.iinfo(np.int16).min
"""Stands for NaN: nobody was found."""

Clip = Mapping[str, NDArray[Any]]


def pack(folder: Path, packs: Path) -> None:
    """Put the clips of a folder that no pack holds into new packs.

    The clips in the folder are then those of the packs, to the last digit: training sees the same
    on every machine.
    """
    known = {number for one in packs.glob("*.npz") for number in _numbers(one)}
    new = [path for path in sorted(folder.glob("*.npz")) if int(path.stem) not in known]
    for first in range(0, len(new), PACK_CLIPS):
        part = new[first : first + PACK_CLIPS]
        target = packs / f"{part[0].stem}-{part[-1].stem}-{len(part)}.npz"
        write_pack(target, {int(path.stem): _read(path) for path in part})
        unpack(target, folder, again=True)


def write_pack(target: Path, clips: Mapping[int, Clip]) -> None:
    """Write clips by their numbers to one file."""
    arrays: dict[str, NDArray[Any]] = {
        "numbers": np.array(list(clips)),
        "frames": np.array([len(clip["q"]) for clip in clips.values()]),
        "size_px": np.array([clip["size_px"] for clip in clips.values()]),
        "rate_hz": np.array([_rate_hz(clip) for clip in clips.values()]),
        "meta": np.array(json.dumps([json.loads(str(clip["meta"])) for clip in clips.values()])),
    }
    for name, step in STEPS.items():
        whole = np.concatenate([_whole(_part(clip, name), step) for clip in clips.values()])
        steps = np.diff(whole, axis=0, prepend=np.zeros_like(whole[:1]))
        # the series of one number stand together, their high bytes apart: a fifth less
        series = np.ascontiguousarray(np.moveaxis(steps, 0, -1).astype("<i2"))
        arrays[name] = np.moveaxis(series[..., None].view(np.uint8), -1, 0)
    with atomic_path(target) as path, path.open("xb") as file:
        np.savez_compressed(file, **arrays)


def unpack(source: Path, folder: Path, *, again: bool = False) -> None:
    """Write the clips of a pack to a folder; those that are there stay, unless `again`."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, clip in read_pack(source):
        target = folder / f"{number:06d}.npz"
        if again or not target.exists():
            with atomic_path(target) as path, path.open("xb") as file:
                np.savez(file, **clip)


def read_pack(source: Path) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
    """Yield the clips of a pack with their numbers, as `make_clips` writes them."""
    with np.load(source, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    metas = json.loads(str(arrays["meta"]))
    whole = {name: _summed(arrays[name]) for name in STEPS}
    ends = np.cumsum(arrays["frames"])
    for nth, end in enumerate(ends):
        rows = slice(int(end - arrays["frames"][nth]), int(end))
        clip = {name: _values(whole[name][rows], step) for name, step in STEPS.items()}
        clip["joints_m"] = clip["joints_m"] + clip.pop("place_m")[:, None]
        frames = np.arange(int(arrays["frames"][nth]))
        yield (
            int(arrays["numbers"][nth]),
            {
                **clip,
                "time_s": (frames / arrays["rate_hz"][nth]).astype(np.float32),
                "size_px": arrays["size_px"][nth],
                "meta": np.array(json.dumps(metas[nth])),
            },
        )


def _summed(planes: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Add up differences (2, ..., T), low and high bytes, to whole numbers (T, ...)."""
    series = np.ascontiguousarray(np.moveaxis(planes, 0, -1)).view("<i2")[..., 0]
    return np.cumsum(np.moveaxis(series, -1, 0), axis=0, dtype=np.int16)


def _read(path: Path) -> Clip:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _numbers(source: Path) -> Iterable[int]:
    with np.load(source, allow_pickle=False) as stored:
        return [int(number) for number in stored["numbers"]]


def _rate_hz(clip: Clip) -> float:
    return float(round(1.0 / float(np.median(np.diff(clip["time_s"]))), 3))


def _part(clip: Clip, name: str) -> NDArray[Any]:
    if name == "place_m":
        return clip["joints_m"][:, 0]
    return clip[name] - clip["joints_m"][:, :1] if name == "joints_m" else clip[name]


def _whole(values: NDArray[Any], step: float) -> NDArray[np.int16]:
    """Round to whole steps; differences of 16 bits wrap around and back."""
    known = np.isfinite(values)
    scaled = np.round(np.where(known, values, 0.0) / step)
    if np.abs(scaled).max(initial=0.0) >= -int(_LOST):
        scaled = np.clip(scaled, _LOST + 1, -_LOST - 1)
    return np.where(known, scaled, _LOST).astype(np.int16)


def _values(whole: NDArray[np.int16], step: float) -> NDArray[np.float32]:
    return np.where(whole == _LOST, np.nan, whole * step).astype(np.float32)
