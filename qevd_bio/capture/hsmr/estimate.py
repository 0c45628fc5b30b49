"""From the pictures of one video to HSMR's estimates of one person.

Several videos go through at once, each in a separate thread; `CropBatches` puts their crops
into common batches. Of a video no more is held than the frames between two calls of the detector
and those decoded in advance: memory depends on its length only by some hundred numbers a
frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.hsmr.batches import CropQueue
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import Detected, PersonDetector
from qevd_bio.capture.hsmr.device import HsmrOnDevice, in_parts
from qevd_bio.capture.hsmr.person_boxes import BoxedFrame, boxed_frames
from qevd_bio.capture.hsmr.person_track import CroppedFrame, PersonTrack, person_track
from qevd_bio.capture.hsmr.prefetch import prefetched
from qevd_bio.capture.video.decode import RgbImage


def estimate_person(
    frames: Iterable[RgbImage], detector: PersonDetector, hsmr: HsmrOnDevice, config: HsmrConfig
) -> PersonTrack:
    """Estimate the pose of the person in every frame of a video.

    Frames (H, W, 3) are all of one size and read once, in another thread; the detector runs in
    this one. The result is the same whatever videos go through at the same time.
    `EnvironmentProblem` where the device's memory does not hold the network with a single crop.
    """

    def detect(images: Sequence[RgbImage]) -> list[Detected]:
        return in_parts(detector, images, lambda parts: list(chain.from_iterable(parts)))

    cropped: list[CroppedFrame] = []
    mains: dict[int, Callable[[], int]] = {}
    size = (0, 0)
    in_advance = config.detect_every * config.detect_together
    with prefetched(frames, in_advance) as images, hsmr.batches.queue() as queue:
        for boxed, people in boxed_frames(images, detect, config):
            size = (boxed[0].image.shape[1], boxed[0].image.shape[0])
            mains[boxed[0].shot] = people.main
            every = config.flip_every
            numbers = range(len(cropped), len(cropped) + len(boxed))
            is_mirrored = [every > 0 and number % every == 0 for number in numbers]
            cropped += _queued(boxed, is_mirrored, queue, hsmr)
    edge_px = config.confidence.edge_px
    return person_track(cropped, mains, size, queue.estimates(), edge_px)


def _queued(
    boxed: Sequence[BoxedFrame], is_mirrored: Sequence[bool], queue: CropQueue, hsmr: HsmrOnDevice
) -> list[CroppedFrame]:
    """Queue the crops of some frames, then the mirrored ones of those chosen."""
    shown = [i for i, one in enumerate(boxed) if one.number >= 0]
    both = [i for i in shown if is_mirrored[i]]
    first = queue.count
    crop_of = {i: first + place for place, i in enumerate(shown)}
    mirror_of = {i: first + len(shown) + place for place, i in enumerate(both)}
    squares_px = np.full((len(boxed), 3), np.nan)
    if shown:
        cut, squares_px[shown] = in_parts(hsmr.crops, [boxed[i] for i in shown], _joined)
        queue.add(torch.cat([cut, cut[[shown.index(i) for i in both]].flip(2)]))
    return [
        CroppedFrame(
            shot=one.shot,
            number=one.number,
            box_px=one.box_px,
            square_px=squares_px[i],
            score=one.score,
            crop=crop_of.get(i, -1),
            mirrored=mirror_of.get(i, -1),
        )
        for i, one in enumerate(boxed)
    ]


def _joined(parts: Sequence[tuple[Tensor, FloatArray]]) -> tuple[Tensor, FloatArray]:
    return torch.cat([cut for cut, _ in parts]), np.concatenate([around for _, around in parts])
