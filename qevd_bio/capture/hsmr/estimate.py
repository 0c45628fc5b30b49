"""From the pictures of one video to HSMR's estimates of the person who exercises.

Several videos go through at once, each in a separate thread; `CropBatches` puts their crops
into common batches. Of a video no more is held than the frames between two calls of the detector
and those decoded in advance: memory depends on its length only by some hundred numbers a
frame and person. Everybody is cropped, since who exercises is known when the shot is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.hsmr.batches import CropQueue
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import Detected, PersonDetector
from qevd_bio.capture.hsmr.device import HsmrOnDevice, in_parts
from qevd_bio.capture.hsmr.person_boxes import BoxedFrame, boxed_frames
from qevd_bio.capture.hsmr.person_track import CroppedPerson, PersonTrack, person_track
from qevd_bio.capture.person.performer import SeenPerson, performer
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.capture.video.prefetch import prefetched


def estimate_person(
    frames: Iterable[RgbImage],
    detector: PersonDetector,
    hsmr: HsmrOnDevice,
    config: HsmrConfig,
    time_s: FloatArray | None = None,
    exercises: Sequence[ExpectedExercise] = (),
) -> PersonTrack:
    """Estimate the pose of the person who exercises in every frame of a video.

    Frames (H, W, 3) are all of one size and read once, in another thread; the detector runs in
    this one. Their times in seconds are 30 a second if not given; the exercises are those named.
    The result is the same whatever videos go through at the same time. `EnvironmentProblem` where
    the device's memory does not hold the network with a single crop.
    """

    def detect(images: Sequence[RgbImage]) -> list[Detected]:
        return in_parts(detector, images, lambda parts: list(chain.from_iterable(parts)))

    def choose(people: Mapping[int, SeenPerson], first: int, last: int) -> IntArray:
        settings = config.video.person.performer
        return performer(people, time_s, first, last, exercises, settings)

    cropped, shot = list[CroppedPerson](), list[int]()
    size = (0, 0)
    in_advance = config.detect_every * config.detect_together
    with prefetched(frames, in_advance) as images, hsmr.batches.queue() as queue:
        for boxed in boxed_frames(images, detect, config):
            size = (boxed[0].image.shape[1], boxed[0].image.shape[0])
            cropped += _queued(boxed, len(shot), config.flip_every, queue, hsmr)
            shot += [one.shot for one in boxed]
    shots = np.array(shot, dtype=np.int64)
    edge_px = config.confidence.edge_px
    return person_track(cropped, shots, size, queue.estimates(), edge_px, choose)


def _queued(
    boxed: Sequence[BoxedFrame], first: int, flip_every: int, queue: CropQueue, hsmr: HsmrOnDevice
) -> list[CroppedPerson]:
    """Queue the crops of some frames, the first of which has a number, then mirrored ones."""
    shown = [one for one in boxed if one.people]
    if not shown:
        return []
    cut, squares_px = in_parts(hsmr.crops, shown, _joined)
    people = [(frame, *one) for frame, of in enumerate(boxed, first) for one in of.people.items()]
    both = [k for k, (frame, *_) in enumerate(people) if flip_every and frame % flip_every == 0]
    mirrored = {k: queue.count + len(people) + place for place, k in enumerate(both)}
    made = [
        CroppedPerson(
            frame, number, one.box_px, squares_px[k], one.score,
            crop=queue.count + k, mirrored=mirrored.get(k, -1),
        )
        for k, (frame, number, one) in enumerate(people)
    ]  # fmt: skip
    queue.add(torch.cat([cut, cut[both].flip(2)]))
    return made


def _joined(parts: Sequence[tuple[Tensor, FloatArray]]) -> tuple[Tensor, FloatArray]:
    return torch.cat([cut for cut, _ in parts]), np.concatenate([around for _, around in parts])
