"""Capture a motion from a video with HSMR.

T timestamps, F frames decoded, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.backend import HSMR, Backend, SourceVideo, digests
from qevd_bio.capture.captured import ASSUMED_HEIGHT_M, Captured, last_valid
from qevd_bio.capture.footage import (
    check_decoded,
    check_header,
    checked_times,
    footage_notes,
    upright_of,
)
from qevd_bio.capture.hsmr.confidence import confidence, flip_sigma
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import DetectorChoice, Detectors, PersonDetector
from qevd_bio.capture.hsmr.gravity import Gravity, find_gravity
from qevd_bio.capture.hsmr.network import HsmrNetwork
from qevd_bio.capture.hsmr.options import HsmrOptions
from qevd_bio.capture.hsmr.person_track import Seen
from qevd_bio.capture.hsmr.pipeline import HsmrOnDevice, check_precision, see
from qevd_bio.capture.hsmr.sizes import AttentionHeads
from qevd_bio.capture.person.upright import Upright, expected_turn_deg
from qevd_bio.capture.video.decode import Decoded, FrameStream, probe, sampled_frames
from qevd_bio.choices import Device
from qevd_bio.errors import EnvironmentProblem, VideoError
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.frame_progress import reported
from qevd_bio.motion.noise import jitter_sigma
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import N_DOFS
from qevd_bio.weights.hsmr_shapes import OFFICIAL_HEADS, heads_of
from qevd_bio.weights.store import WeightFolder, default_folder
from qevd_bio.weights.tensor_file import DIGEST_KEY

WEIGHTS = "hsmr"


@dataclass(slots=True)
class _Loaded:
    """What is loaded once for all videos of a worker."""

    hsmr: HsmrOnDevice | None = None
    detectors: Detectors | None = None


@dataclass(frozen=True)
class HsmrBackend(Backend):
    """HSMR's network.

    Attributes
    ----------
    weights : WeightFolder
        Where ``hsmr`` was imported to.
    detector : DetectorChoice
        What finds the person.
    device : str
        ``cuda`` or ``cpu``.
    config : HsmrConfig
        Settings.
    """

    weights: WeightFolder
    detector: DetectorChoice
    device: Device
    config: HsmrConfig
    name: str = HSMR
    version: int = 1
    _loaded: _Loaded = field(default_factory=_Loaded, init=False, repr=False, compare=False)

    @classmethod
    def from_options(cls, options: HsmrOptions) -> HsmrBackend:
        """Check weights, detector and settings.

        Raises
        ------
        EnvironmentProblem, DataError
            The weights were not imported or are damaged, or the detector's folder lacks a file.
        UsageError
            A setting is off.
        """
        config, device = options.config(), options.named_device()
        check_precision(config.precision, device)
        folder = WeightFolder(Path(options.weights) if options.weights else default_folder())
        folder.metadata(WEIGHTS)
        return cls(folder, DetectorChoice.named(options.detector), device, config)

    @property
    def gpus(self) -> int:
        """One GPU, unless the CPU does its work."""
        return 1 if self.device == "cuda" else 0

    def depends(self, video: SourceVideo) -> Mapping[str, str]:
        """Name the video, its frame times, the weights, the packages and the configuration."""
        settings: JsonValue = [self.config.resolved(), self.device]
        packages = dict.fromkeys(("av", "torch", "mediapipe", *self.detector.packages()))
        return {
            **digests(settings, (video.present_file(), video.timestamps_file), packages),
            "weights:hsmr": self._weights_digest(),
            "detector": self.detector.digest(),
        }

    def _weights_digest(self) -> str:
        metadata = self.weights.metadata(WEIGHTS)
        heads, digest = heads_of(metadata), metadata[DIGEST_KEY]
        return digest if heads == OFFICIAL_HEADS else f"{digest} heads {heads[0]},{heads[1]}"

    def setup(self) -> None:
        """Load the network and the detector onto the device."""
        if self.device == "cuda" and not torch.cuda.is_available():
            raise EnvironmentProblem(
                "torch sees no GPU here",
                where="--device cuda",
                next_step="Run where a GPU is, install a torch built for it, or give --device cpu",
            )
        weights = self.weights.load(WEIGHTS)
        network = HsmrNetwork.from_state(weights.tensors, AttentionHeads(*weights.heads()))
        self._loaded.hsmr = HsmrOnDevice(network, self.config, self.device)
        self._loaded.detectors = Detectors(self.detector, self.config.video, self.device)
        self._loaded.detectors().close()

    def capture(self, video: SourceVideo, time_s: FloatArray) -> Captured:
        """Measure the motion of one video."""
        hsmr, detectors = self._loaded.hsmr, self._loaded.detectors
        if hsmr is None or detectors is None:
            raise RuntimeError("the backend was not set up")
        with closing(detectors()) as detector:
            return capture_hsmr(
                video.file,
                time_s,
                video_id=video.unit_id,
                hsmr=hsmr,
                detector=detector,
                config=self.config,
            )

    def teardown(self) -> None:
        """Release the models."""
        self._loaded.hsmr = self._loaded.detectors = None


def capture_hsmr(
    video_path: Path,
    time_s: FloatArray,
    *,
    video_id: str,
    hsmr: HsmrOnDevice,
    detector: PersonDetector,
    config: HsmrConfig,
) -> Captured:
    """Measure the motion of the person in a video.

    Parameters
    ----------
    video_path : Path
        The video file.
    time_s : ndarray (T,)
        One timestamp per frame, seconds, strictly increasing.
    video_id : str
        Name of the video; QEVD numbers tell which videos are stored sideways.
    hsmr : HsmrOnDevice
        The network; may serve other videos at the same time.
    detector : PersonDetector
        Of this video.
    config : HsmrConfig
        Settings.

    Returns
    -------
    Captured
        A motion of T frames. Frames without the person repeat the last valid pose, leading ones
        the first, and are not valid; so are timestamps at the end of a video that breaks off,
        their confidence 0.

    Raises
    ------
    VideoError
        The file cannot be decoded far enough, or nobody is found in it.
    DataError
        The number of timestamps does not belong to this video.

    Notes
    -----
    Angles are those of the network, unwrapped within each shot, in the camera frame of the
    upright picture; nothing is clamped to a range or smoothed. `Motion.gravity` says where down
    is in that frame, see `gravity.find_gravity`. `sigma_rad` is the root of the sum of squares
    of the method's noise, the frame-to-frame noise and the disagreement with mirrored crops;
    for what confidence is, see `worth.confidence`. Segment lengths are those of an average
    adult, and the root is not measured: HSMR's depth is not metric.
    """
    time_s = checked_times(time_s, video_id)
    check_header(probe(video_path), len(time_s), video_id)
    upright = _upright(video_path, video_id, config)
    stream = FrameStream(
        video_path, longest_side_px=config.video.longest_side_px, turn_deg=upright.turn_deg
    )
    seen = see(reported(stream, len(time_s)), detector, hsmr, config)
    check_decoded(stream.decoded, len(time_s), video_id, config.video)
    trust = confidence(seen)
    valid = _without_short_shots(seen, trust >= config.least_confidence, config)
    if not valid.any():
        looked = f"{len(valid)} frames"
        raise VideoError(
            f"somebody is seen in {seen.found.sum()} of {looked}, but nowhere well enough"
            if seen.found.any()
            else f"nobody is seen in any of {looked}",
            where=video_id,
            next_step="Check that the video shows one whole person, or leave it out",
        )
    return _assembled(seen, valid, trust, time_s, upright, stream.decoded, hsmr, config)


def _upright(video_path: Path, video_id: str, config: HsmrConfig) -> Upright:
    """Decide the turn by MediaPipe's landmarks; without them it stays what is expected."""
    if config.video.turn_deg is None and find_spec("mediapipe") is None:
        picture = sampled_frames(video_path, 1, longest_side_px=config.video.longest_side_px)
        height, width = picture[0].shape[:2] if picture else (1, 1)
        turn = expected_turn_deg(video_id, width, height, config.video)
        reason = "mediapipe is not installed to look at the pictures: the expected turn is kept"
        return Upright(turn, turn, {}, reason)
    return upright_of(video_path, video_id, config.video)


def _without_short_shots(seen: Seen, trusted: BoolArray, config: HsmrConfig) -> BoolArray:
    """Leave out shots with too few frames of the person."""
    valid = seen.found & trusted
    for shot in np.unique(seen.shot):
        if (valid & (seen.shot == shot)).sum() < config.video.least_shot_frames:
            valid &= seen.shot != shot
    return valid


def _of_the_person(betas: FloatArray, valid: BoolArray, missing: int) -> FloatArray:
    """Keep the shapes of valid frames; the `missing` frames at the end have none."""
    kept = np.where(valid[:, None], betas, np.nan)
    return np.concatenate([kept, np.full((missing, betas.shape[1]), np.nan)])


def _assembled(
    seen: Seen,
    valid: BoolArray,
    trust: FloatArray,
    time_s: FloatArray,
    upright: Upright,
    decoded: Decoded,
    hsmr: HsmrOnDevice,
    config: HsmrConfig,
) -> Captured:
    """Unwrap, fill the frames without a pose and put everything on the T timestamps."""
    frames, missing = len(valid), len(time_s) - len(valid)
    q = np.full((len(time_s), N_DOFS), np.nan)
    for shot in np.unique(seen.shot[valid]):
        of_shot = np.flatnonzero(valid & (seen.shot == shot))
        q[of_shot] = np.unwrap(seen.q[of_shot], axis=0)
    all_valid = np.concatenate([valid, np.zeros(missing, dtype=np.bool_)])
    trust = np.concatenate([trust, np.zeros(missing)])
    shot = np.concatenate([seen.shot, np.full(missing, seen.shot[-1])])
    gravity = find_gravity(seen.q, time_s[:frames], valid)
    sigma = _sigma(q[:frames], seen, valid, config)
    motion = Motion(
        q=last_valid(q, all_valid),
        time_s=time_s,
        confidence=trust,
        valid=all_valid,
        observed=np.ones(N_DOFS, dtype=np.bool_),
        sigma_rad=sigma,
        gravity=gravity.down,
        gravity_source=gravity.source,
        backend=HSMR,
        betas=_of_the_person(seen.betas, valid, missing),
        segment_lengths_m=segment_lengths_for_height(ASSUMED_HEIGHT_M),
    )
    return Captured(
        motion,
        notes={
            **footage_notes(
                upright,
                decoded,
                valid=all_valid,
                confidence=trust,
                shot=shot,
                others=int(seen.somebody_else.sum()),
            ),
            **_gravity_notes(gravity),
            "precision": config.precision,
            "device": hsmr.device.type,
            "smallest_batch": hsmr.batches.smallest,
        },
    )


def _gravity_notes(gravity: Gravity) -> dict[str, int | float]:
    return {
        "standing_frames": gravity.standing_frames,
        "camera_tilt_deg": round(gravity.tilt_deg, 2),
    }


def _sigma(q: FloatArray, seen: Seen, valid: BoolArray, config: HsmrConfig) -> FloatArray:
    used = np.flatnonzero(valid)
    breaks = (np.diff(used) > 1) | (np.diff(seen.shot[used]) != 0)
    sections = np.concatenate([[0], np.cumsum(breaks)]).astype(np.int64)
    jitter = jitter_sigma(q[used], sections)
    apart = flip_sigma(seen.q[valid], seen.mirrored_q[valid])
    method = np.deg2rad(config.method_sigma_deg)
    return np.asarray(np.sqrt(method**2 + jitter**2 + apart**2))
