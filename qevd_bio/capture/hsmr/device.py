"""HSMR's network on its device, serving several videos at once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.hsmr.batches import CropBatches, Step, position_matters
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.crops import crop, squares, windows
from qevd_bio.capture.hsmr.network import CROP_PX, HsmrNetwork
from qevd_bio.capture.hsmr.person_boxes import BoxedFrame
from qevd_bio.capture.hsmr.predict import predict, prepare
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.choices import Device, Precision
from qevd_bio.errors import EnvironmentProblem, UsageError

T = TypeVar("T")
R = TypeVar("R")


class HsmrOnDevice:
    """The network on its device, ready for several videos at once.

    Its matrices are stored in the precision. On a CPU crops go one by one, whatever the batch
    size: larger batches bring next to nothing there, and the bytes depend on nothing else.
    """

    def __init__(self, network: HsmrNetwork, config: HsmrConfig, device: Device) -> None:
        check_precision(config.precision, device)
        self.device = torch.device(device)
        self.network = prepare(network.to(self.device), config.precision, compiled=config.compiled)
        step = partial(predict, self.network, precision=config.precision)
        size = config.batch_size if self._is_gpu() else 1
        self.batches = CropBatches(step, size, shared=not self._position_matters(step, size))

    def crops(self, boxed: Sequence[BoxedFrame]) -> tuple[Tensor, FloatArray]:
        """Crop the n people out of frames of one size, each of which shows some.

        Returns crops (n, 256, 256, 3) of uint8 on the device, and the squares (n, 3) they were cut
        from.
        """
        around = squares(
            np.array([one.box_px for frame in boxed for one in frame.people.values()])
        )
        of_frame = np.repeat(np.arange(len(boxed)), [len(frame.people) for frame in boxed])
        cut = self._cut([frame.image for frame in boxed], of_frame, windows(around))
        return cut, around.astype(np.float64)

    def _cut(self, images: Sequence[RgbImage], of_frame: IntArray, windows_px: IntArray) -> Tensor:
        """Send of the frames only what some window shows, and cut there."""
        height, width = images[0].shape[:2]
        low = np.clip(windows_px[:, :2].min(axis=0), 0, [width - 1, height - 1])
        high = np.clip(windows_px[:, 2:].max(axis=0), low + 1, [width, height])
        shown = np.stack([image[low[1] : high[1], low[0] : high[0]] for image in images])
        held = torch.from_numpy(shown)
        shifted = windows_px - np.tile(low, 2)
        if not self._is_gpu():
            return crop(held, of_frame, shifted)
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(stream):  # work beside the network
            cut = crop(held.pin_memory().to(self.device, non_blocking=True), of_frame, shifted)
            cut.record_stream(torch.cuda.default_stream(self.device))
            stream.synchronize()
        return cut

    def _position_matters(self, step: Step, size: int) -> bool:
        """Try it with a full batch; where that does not fit, videos share no batch."""
        if size == 1:
            return False
        crop = torch.zeros(CROP_PX, CROP_PX, 3, dtype=torch.uint8, device=self.device)
        try:
            return position_matters(step, crop, size)
        except torch.cuda.OutOfMemoryError:
            return True

    def _is_gpu(self) -> bool:
        return self.device.type == "cuda"


def check_precision(precision: Precision, device: Device) -> None:
    """Refuse 16 bits on a CPU: slower there, and not what a GPU gives."""
    if precision != "fp32" and device == "cpu":
        raise UsageError(
            f"{precision} needs a GPU, and none is to be used",
            where="precision",
            next_step="Give --precision fp32 to run on the CPU, or run where torch sees a GPU",
        )


def in_parts(
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
    return joined([in_parts(work, part, joined) for part in (items[:half], items[half:])])
