"""Feature maps of whole videos: frames taken at 16 Hz, grouped by four, run through a network.

T frames, L feature maps, C = 1280 channels of 7 rows and 5 columns

Source: FitCoach at a573ee0. The official extractor keeps the network's state and up to three
frames that wait for their group from one video to the next, in the order of a directory listing;
here a video begins afresh unless `carry_over` asks for the official way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from qevd_bio.arrays import ByteArray, Float16Array, FloatArray
from qevd_bio.choices import Device
from qevd_bio.errors import DataError, EnvironmentProblem, VideoError
from qevd_bio.features.cnn3d import CnnState, StreamingCnn
from qevd_bio.features.pictures import network_input, network_picture

RATE_HZ = 16.0
WARM_UP_FRAMES = 12
"""A video's first frame is shown this often before it counts."""

MAPS_PER_CALL: dict[Device, int] = {"cpu": 4, "cuda": 32}
"""Feature maps computed at once: 0.2 GB of memory on a CPU, 2 GB on a GPU."""


@dataclass(frozen=True, slots=True)
class FeatureMaps:
    """Feature maps of one video.

    Attributes
    ----------
    values : ndarray (L, 1280, 7, 5)
        float16 in [0, 6].
    time_s : ndarray (L,)
        Time of the last of the four frames of each map, on the clock of the frames.
    """

    values: Float16Array
    time_s: FloatArray


class TakenFrames:
    """Decide of one frame after the other which are taken for 16 frames a second.

    A frame is taken when it is due, and makes the next one due 1/16 s later than it was itself:
    after a gap several frames in a row are taken, so the rate holds on average.
    """

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._due_s = 0.0

    def __call__(self, time_s: float) -> bool:
        """Return whether the frame of this time is taken; times increase."""
        if self._first_s is None:
            self._first_s = time_s
        if time_s - self._first_s < self._due_s:
            return False
        self._due_s += 1.0 / RATE_HZ
        return True


@dataclass(slots=True)
class _Shown:
    """A picture for the network and its time; None: it only warms the network up."""

    picture: ByteArray
    time_s: float | None


@dataclass(slots=True)
class FeatureExtractor:
    """A network on its device, for one video after the other.

    Attributes
    ----------
    network : StreamingCnn
        On the device already.
    device : str
        ``cpu`` or ``cuda``.
    carry_over : bool
        Keep state and waiting frames from video to video as the official extractor does. The
        features of a video then depend on the videos before it.
    """

    network: StreamingCnn
    device: Device = "cpu"
    carry_over: bool = False
    _state: CnnState | None = field(default=None, init=False)
    _waiting: list[_Shown] = field(default_factory=list, init=False)

    def features(
        self, frames: Iterable[ByteArray], time_s: FloatArray, *, pad: bool, where: str
    ) -> FeatureMaps:
        """Compute the feature maps of one video.

        Parameters
        ----------
        frames : iterable of ndarray (H, W, 3)
            Upright RGB pictures, in order; may end before their timestamps do.
        time_s : ndarray (T,)
            Time of each frame, strictly increasing.
        pad : bool
            As in `network_picture`.
        where : str
            The video, for errors.

        Raises
        ------
        VideoError
            The pictures are too small, or too few for one feature map.
        DataError
            There are more frames than timestamps.

        Notes
        -----
        The first frame is shown 12 times before it counts; maps whose last frame is one of these
        are dropped. Frames at the end that fill no group give no map.
        """
        if not self.carry_over:
            self._state, self._waiting = None, []
        shown = _shown(frames, time_s, pad=pad, where=where)
        values: list[Float16Array] = []
        times: list[float] = []
        group = self.network.layers.frames_per_feature
        together = MAPS_PER_CALL[self.device] * group
        while True:
            batch = self._waiting + list(islice(shown, together - len(self._waiting)))
            whole = len(batch) // group * group
            self._waiting = batch[whole:]
            if whole == 0:
                break
            maps = self._maps([one.picture for one in batch[:whole]])
            last_s = [one.time_s for one in batch[group - 1 : whole : group]]
            kept = [n for n, one in enumerate(last_s) if one is not None]
            values.append(maps[kept])
            times += [one for one in last_s if one is not None]
        if not times:
            raise VideoError(
                f"is too short for one feature map, which takes {group} frames at {RATE_HZ:g} Hz",
                where=where,
                next_step="Leave the video out",
            )
        return FeatureMaps(np.concatenate(values), np.array(times, dtype=np.float64))

    def drop_waiting(self) -> None:
        """Forget the frames that wait for their group; the network's state is kept."""
        self._waiting = []

    def _maps(self, pictures: list[ByteArray]) -> Float16Array:
        frames = torch.from_numpy(network_input(pictures))
        with torch.inference_mode(), _single_precision():
            maps, self._state = self._run(frames.to(self.device))
            return np.asarray(maps.to("cpu", torch.float16).numpy())

    def _run(self, frames: Tensor) -> tuple[Tensor, CnnState]:
        try:
            result: tuple[Tensor, CnnState] = self.network(frames, self._state)
        except torch.cuda.OutOfMemoryError as error:
            raise EnvironmentProblem(
                f"the GPU's memory does not hold {len(frames)} frames",
                where="features",
                next_step="Free the GPU of other programs, or give --features-device cpu",
            ) from error
        return result


def _single_precision() -> AbstractContextManager[None]:
    """Let cuDNN compute convolutions in float32 and not in TF32, and always the same way."""
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )


def _shown(
    frames: Iterable[ByteArray], time_s: FloatArray, *, pad: bool, where: str
) -> Iterator[_Shown]:
    """Take frames for the network, the first one also for its warming up."""
    taken, count = TakenFrames(), 0
    for count, frame in enumerate(frames, start=1):
        if count > len(time_s):
            raise DataError(
                f"has more frames than its {len(time_s)} timestamps",
                where=where,
                next_step="Restore the video and its timestamps file: one stamp per frame",
            )
        if not taken(float(time_s[count - 1])):
            continue
        if min(frame.shape[:2]) < 2:
            raise VideoError(
                f"pictures of {frame.shape[1]} x {frame.shape[0]} pixels show nothing",
                where=where,
                next_step="Leave the video out",
            )
        picture = network_picture(frame, pad=pad)
        if count == 1:
            yield from (_Shown(picture, None) for _ in range(WARM_UP_FRAMES))
        yield _Shown(picture, float(time_s[count - 1]))
