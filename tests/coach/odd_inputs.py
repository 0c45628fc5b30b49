"""Files that people give by mistake or because they have no others, made on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from qevd_bio.exercises.load import load_rules
from qevd_bio.synthetic.clips import Clip, make_clips

Pictures = Sequence[np.ndarray]

REPETITIONS, RATE_HZ = 3, 12


def rendered_squats(folder: Path) -> list[np.ndarray]:
    """Render a person who squats three times; return the pictures."""
    clip = Clip(
        load_rules()["squat"], "oblique45", "man", repetitions=REPETITIONS, repetition_s=1.6,
        rate_hz=RATE_HZ,
    )  # fmt: skip
    (path,) = make_clips(folder / "rendered", (clip,))
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def written(
    path: Path,
    pictures: Pictures,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    shown_s: float = 1 / RATE_HZ,
) -> Path:
    """Encode pictures, each shown as long as said."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=max(1, round(1 / shown_s)))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if codec == "libx264":
            stream.options = {"preset": "ultrafast"}
        if codec == "libvpx":
            stream.options = {"deadline": "realtime", "cpu-used": "8"}
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(1000 * number * shown_s), Fraction(1, 1000)
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode(None))
    return path


def gif(path: Path, pictures: Pictures) -> Path:
    """Write an animated gif."""
    images = [Image.fromarray(picture) for picture in pictures]
    images[0].save(
        path, save_all=True, append_images=images[1:], duration=round(1000 / RATE_HZ), loop=0
    )
    return path


def photograph(path: Path, picture: np.ndarray) -> Path:
    """Write a single picture as a camera does."""
    Image.fromarray(picture).save(path)
    return path


def cartoon(frames: int = 36) -> list[np.ndarray]:
    """Draw a stick figure that bends its knees: a circle and five lines."""
    drawn = []
    for i in range(frames):
        image = Image.new("RGB", (320, 240), "white")
        draw = ImageDraw.Draw(image)
        down = 30 * (1 - np.cos(2 * np.pi * i / 18)) / 2
        hip, neck = (160, 130 + down), (160, 70 + down)
        draw.ellipse([145, 38 + down, 175, 68 + down], outline="black", width=4)
        for ends in (
            (neck, hip), (neck, (120, 110 + down)), (neck, (200, 110 + down)),
            (hip, (130, 175 + down / 2)), ((130, 175 + down / 2), (135, 220)),
            (hip, (190, 175 + down / 2)), ((190, 175 + down / 2), (185, 220)),
        ):  # fmt: skip
            draw.line(ends, fill="black", width=4)
        drawn.append(np.asarray(image))
    return drawn


def crowd(pictures: Pictures) -> list[np.ndarray]:
    """Put three of the same person side by side, each at another moment of the squats."""
    quarter = len(pictures) // (4 * REPETITIONS)
    shifted = [np.roll(np.arange(len(pictures)), shift) for shift in (0, quarter, 2 * quarter)]
    return [np.concatenate([pictures[k] for k in at], axis=1) for at in zip(*shifted, strict=True)]


def eight_k(picture: np.ndarray) -> np.ndarray:
    """Scale a picture up to the height of 8K without smoothing, on a grey ground as wide."""
    height, width = 4320, 7680
    own = round(picture.shape[1] * height / picture.shape[0])
    large = Image.fromarray(picture).resize((own, height), Image.Resampling.NEAREST)
    ground = Image.new("RGB", (width, height), (128, 128, 128))
    ground.paste(large, ((width - own) // 2, 0))
    return np.asarray(ground)
