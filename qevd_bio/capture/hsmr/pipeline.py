"""From the pictures of one video to HSMR's estimates of one person.

F frames, n crops

Several videos go through at once, each in a thread of its own; `CropBatches` brings their crops
together. Of a video no more is held than the frames between two calls of the detector and those
decoded ahead: memory does not depend on its length, but for some hundred numbers a frame.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.hsmr.batches import CropBatches, Step, places_matter
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.crops import crop, squares, windows
from qevd_bio.capture.hsmr.detector import Detected, PersonDetector
from qevd_bio.capture.hsmr.network import CROP_PX, HsmrNetwork
from qevd_bio.capture.hsmr.person_track import FrameOfPerson, Seen, seen_of
from qevd_bio.capture.hsmr.predict import predict, prepare
from qevd_bio.capture.hsmr.prefetch import made_ahead
from qevd_bio.capture.hsmr.tracking import Sighted, sightings
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.choices import Device, Precision
from qevd_bio.errors import EnvironmentProblem, UsageError

T = TypeVar("T")
R = TypeVar("R")


class HsmrOnDevice:
    """The network on its device, ready for several videos at once.

    Parameters
    ----------
    network : HsmrNetwork
        Moved to the device; its matrices are stored in the precision.
    config : HsmrConfig
        Precision, batch size and whether to compile.
    device : str
        ``cuda`` or ``cpu``. On a CPU crops go one by one, whatever the batch size: larger
        batches bring next to nothing there, and the bytes depend on nothing else.

    Raises
    ------
    UsageError
        16 bits are asked of a CPU.
    """

    def __init__(self, network: HsmrNetwork, config: HsmrConfig, device: Device) -> None:
        check_precision(config.precision, device)
        self.device = torch.device(device)
        self.network = prepare(network.to(self.device), config.precision, compiled=config.compiled)
        step = partial(predict, self.network, precision=config.precision)
        size = config.batch_size if self._is_gpu() else 1
        self.batches = CropBatches(step, size, shared=not self._places_matter(step, size))

    def crops(self, sighted: Sequence[Sighted]) -> tuple[Tensor, FloatArray]:
        """Cut people out of frames of one size.

        Parameters
        ----------
        sighted : sequence of Sighted
            n frames in which somebody is to be seen.

        Returns
        -------
        Tensor (n, 256, 256, 3)
            uint8, on the device.
        ndarray (n, 3)
            Squares they were cut from.
        """
        around = squares(np.array([one.box_px for one in sighted]))
        cut = self._cut([one.image for one in sighted], windows(around))
        return cut, around.astype(np.float64)

    def _cut(self, images: Sequence[RgbImage], windows_px: IntArray) -> Tensor:
        """Send of the frames only what some window shows, and cut there."""
        height, width = images[0].shape[:2]
        low = np.clip(windows_px[:, :2].min(axis=0), 0, [width - 1, height - 1])
        high = np.clip(windows_px[:, 2:].max(axis=0), low + 1, [width, height])
        shown = np.stack([image[low[1] : high[1], low[0] : high[0]] for image in images])
        held = torch.from_numpy(shown)
        of_frame, shifted = np.arange(len(images)), windows_px - np.tile(low, 2)
        if not self._is_gpu():
            return crop(held, of_frame, shifted)
        with _stream_beside(self.device) as beside:
            cut = crop(held.pin_memory().to(self.device, non_blocking=True), of_frame, shifted)
            cut.record_stream(torch.cuda.default_stream(self.device))
            beside.synchronize()
        return cut

    def _places_matter(self, step: Step, size: int) -> bool:
        """Try it with a full batch; one that does not fit says nothing, and shares nothing."""
        if size == 1:
            return False
        crop = torch.zeros(CROP_PX, CROP_PX, 3, dtype=torch.uint8, device=self.device)
        try:
            return places_matter(step, crop, size)
        except torch.cuda.OutOfMemoryError:
            return True

    def _is_gpu(self) -> bool:
        return self.device.type == "cuda"


@contextmanager
def _stream_beside(device: torch.device) -> Iterator[torch.cuda.Stream]:
    """Work beside the network."""
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        yield stream


def check_precision(precision: Precision, device: Device) -> None:
    """Refuse 16 bits on a CPU: slower there, and not what a GPU gives."""
    if precision != "fp32" and device == "cpu":
        raise UsageError(
            f"{precision} needs a GPU, and none is to be used",
            where="precision",
            next_step="Give --precision fp32 to run on the CPU, or run where torch sees a GPU",
        )


def see(
    frames: Iterable[RgbImage], detector: PersonDetector, hsmr: HsmrOnDevice, config: HsmrConfig
) -> Seen:
    """Look at the person in every frame of a video.

    Parameters
    ----------
    frames : iterable of ndarray (H, W, 3)
        RGB, all of one size; read once, in another thread.
    detector : PersonDetector
        Finds people; used in this thread.
    hsmr : HsmrOnDevice
        Shared with other videos.
    config : HsmrConfig
        Settings.

    Returns
    -------
    Seen
        F frames; the same whatever videos go through at the same time.

    Raises
    ------
    EnvironmentProblem
        The device's memory does not hold the network with a single crop.
    """

    def detect(images: Sequence[RgbImage]) -> list[Detected]:
        return _in_parts(detector, images, _chained)

    known: list[FrameOfPerson] = []
    mains: dict[int, Callable[[], int]] = {}
    size, added = (0, 0), 0
    ahead = config.detect_every * config.detect_together
    with made_ahead(frames, ahead) as images, hsmr.batches.lane() as lane:
        for sighted, people in sightings(images, detect, config):
            size = (sighted[0].image.shape[1], sighted[0].image.shape[0])
            mains[sighted[0].shot] = people.main
            shown = [i for i, one in enumerate(sighted) if one.number >= 0]
            every = config.flip_every
            both = [i for i in shown if every and (len(known) + i) % every == 0]
            crop_of = {i: added + place for place, i in enumerate(shown)}
            mirror_of = {i: added + len(shown) + place for place, i in enumerate(both)}
            added += len(shown) + len(both)
            squares_px = np.full((len(sighted), 3), np.nan)
            if shown:
                of_shown = [sighted[i] for i in shown]
                cut, squares_px[shown] = _in_parts(hsmr.crops, of_shown, _joined)
                lane.add(torch.cat([cut, cut[[shown.index(i) for i in both]].flip(2)]))
            for i, one in enumerate(sighted):
                at = (crop_of.get(i, -1), mirror_of.get(i, -1))
                known.append(
                    FrameOfPerson(one.shot, one.number, one.box_px, squares_px[i], one.score, *at)
                )
    return seen_of(known, mains, size, lane.estimates())


def _chained(parts: Sequence[list[Detected]]) -> list[Detected]:
    return [one for part in parts for one in part]


def _joined(parts: Sequence[tuple[Tensor, FloatArray]]) -> tuple[Tensor, FloatArray]:
    return torch.cat([cut for cut, _ in parts]), np.concatenate([around for _, around in parts])


def _in_parts(
    work: Callable[[Sequence[T]], R], items: Sequence[T], joined: Callable[[Sequence[R]], R]
) -> R:
    """Work on items together, or in halves where the device's memory does not suffice."""
    try:
        return work(items)
    except torch.cuda.OutOfMemoryError as error:
        if len(items) == 1:
            raise EnvironmentProblem(
                "the device's memory does not hold one picture",
                where="hsmr",
                next_step="Free the GPU of other programs, or use one with more memory",
            ) from error
    gc.collect()
    torch.cuda.empty_cache()
    half = len(items) // 2
    return joined([_in_parts(work, part, joined) for part in (items[:half], items[half:])])
