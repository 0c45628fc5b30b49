"""Capture a motion from a video with HSMR.

T timestamps, F frames decoded, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.backend import HSMR, Backend, SourceVideo, digests
from qevd_bio.capture.captured import ASSUMED_HEIGHT_M, Captured, last_valid, stretches
from qevd_bio.capture.detector.networks import detector_identity
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.footage import Footage, open_footage
from qevd_bio.capture.hsmr.confidence import confidence, flip_sigma
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import PersonDetector
from qevd_bio.capture.hsmr.detector_choice import DetectorChoice
from qevd_bio.capture.hsmr.device import HsmrOnDevice, check_precision
from qevd_bio.capture.hsmr.estimate import estimate_person
from qevd_bio.capture.hsmr.gravity import Gravity, find_gravity
from qevd_bio.capture.hsmr.network import HsmrNetwork
from qevd_bio.capture.hsmr.options import HsmrOptions
from qevd_bio.capture.hsmr.person_track import PersonTrack
from qevd_bio.capture.person.performer import people_notes
from qevd_bio.choices import Device
from qevd_bio.errors import DataError, EnvironmentProblem, VideoError
from qevd_bio.files.input_file import AGAIN
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.frame_progress import reported
from qevd_bio.motion.noise import jitter_sigma
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import N_DOFS
from qevd_bio.weights.hsmr_shapes import OFFICIAL_HEADS, heads_of, heads_text
from qevd_bio.weights.store import WeightFolder, default_folder
from qevd_bio.weights.tensor_file import DIGEST_KEY

WEIGHTS = "hsmr"

VIDEOS_IN_HAND = 8
"""Decoded, cropped and batched at the same time, so that the network does not wait for one."""


@dataclass(slots=True)
class _Loaded:
    """What is loaded once for all videos of a worker; `idle` detectors serve the next ones."""

    hsmr: HsmrOnDevice | None = None
    detectors: Callable[[], PersonDetector] | None = None
    idle: list[PersonDetector] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HsmrBackend(Backend):
    """HSMR's network from the weights `hsmr`, with a detector that finds the person."""

    weights: WeightFolder
    detector: DetectorChoice
    device: Device
    config: HsmrConfig
    name: str = HSMR
    version: int = 2
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

    @property
    def videos_in_hand(self) -> int:
        """Several: the network takes crops of all in common batches."""
        return VIDEOS_IN_HAND

    def depends(self, video: SourceVideo) -> Mapping[str, str]:
        """Name the video, its frame times, the weights, the packages and the configuration."""
        settings: JsonValue = [asdict(self.config), self.device]
        packages = dict.fromkeys(("av", "torch", *self.detector.packages()))
        return {
            **digests(settings, (video.present_file(),), packages),
            **video.times_digest(),
            **detector_identity(self.config.video.person.detector_model),
            "weights:hsmr": _identity(self.weights.metadata(WEIGHTS)),
            "detector": self.detector.digest(),
            "exercises": video.exercises_digest(),
        }

    def setup(self) -> None:
        """Load the network and the detector onto the device."""
        if self.device == "cuda" and not torch.cuda.is_available():
            raise EnvironmentProblem(
                "torch sees no GPU here",
                where="--device cuda",
                next_step="Run where a GPU is, install a torch built for it, or give --device cpu",
            )
        weights = self.weights.load(WEIGHTS)
        network = HsmrNetwork.from_state(weights.tensors, weights.heads())
        self._loaded.hsmr = HsmrOnDevice(network, self.config, self.device)
        digest = self.detector.digest()
        detectors = self.detector.load(self.config.video.person, self.device)
        self._loaded.digests = {"weights:hsmr": _identity(weights.metadata), "detector": digest}
        if self.detector.digest() != digest:
            raise DataError(
                "was exchanged while it was loaded",
                where=f"detector {self.detector.folder}",
                next_step=AGAIN,
            )
        self._loaded.idle.append(detectors())
        self._loaded.detectors = detectors

    def loaded(self) -> Mapping[str, str]:
        """Name the weights and the detector that were loaded."""
        return self._loaded.digests

    def capture(self, video: SourceVideo, time_s: FloatArray) -> Captured:
        """Measure the motion of one video."""
        hsmr = self._loaded.hsmr
        if hsmr is None:
            raise RuntimeError("the backend was not set up")
        with self._detector() as detector:
            return capture_hsmr(
                video.file,
                time_s,
                video_id=video.video_id,
                hsmr=hsmr,
                detector=detector,
                config=self.config,
                exercises=video.exercises,
            )

    @contextmanager
    def _detector(self) -> Iterator[PersonDetector]:
        """Lend a detector to one video; only one that did not fail is used again."""
        if self._loaded.detectors is None:
            raise RuntimeError("the backend was not set up")
        try:
            detector = self._loaded.idle.pop()
        except IndexError:
            detector = self._loaded.detectors()
        try:
            yield detector
        except BaseException:
            detector.close()
            raise
        self._loaded.idle.append(detector)

    def teardown(self) -> None:
        """Release the models."""
        while self._loaded.idle:
            self._loaded.idle.pop().close()
        self._loaded.hsmr = self._loaded.detectors = None


def _identity(metadata: Mapping[str, str]) -> str:
    """Name weights by their numbers, and by their attention heads where they are unusual."""
    heads, digest = heads_of(metadata), metadata[DIGEST_KEY]
    return digest if heads == OFFICIAL_HEADS else f"{digest} heads {heads_text(heads)}"


def capture_hsmr(
    video_path: Path,
    time_s: FloatArray,
    *,
    video_id: str,
    hsmr: HsmrOnDevice,
    detector: PersonDetector,
    config: HsmrConfig,
    exercises: Sequence[ExpectedExercise] = (),
) -> Captured:
    """Measure the motion of the person in a video, as `Backend.capture`.

    `video_id` shows which QEVD videos are stored sideways, the exercises named which way is up and
    who of several people exercises. The network may serve other videos at the same time, the
    detector serves this one alone.

    Raises
    ------
    VideoError
        The file cannot be decoded far enough, or nobody is found in it.
    DataError
        The number of timestamps does not belong to this video.

    Notes
    -----
    Angles are those of the network, unwrapped within each shot, in the camera frame of the
    upright picture; nothing is clamped or smoothed. `sigma_rad` is the root of the sum of
    squares of the method's noise, the frame-to-frame noise and the disagreement with mirrored
    crops. Segment lengths are those of an average adult, and the root is not measured: HSMR's
    depth is not metric.
    """
    footage = open_footage(video_path, time_s, video_id, config.video, exercises)
    frames = reported(footage.frames, len(time_s))
    track = estimate_person(frames, detector, hsmr, config, footage.time_s, exercises)
    footage.check_decoded(config.video)
    trust = confidence(track, config.confidence)
    valid = _without_short_shots(track, trust >= config.least_confidence, config)
    if not valid.any():
        looked = f"{len(valid)} frames"
        raise VideoError(
            f"somebody is seen in {track.found.sum()} of {looked}, but nowhere well enough"
            if track.found.any()
            else f"nobody is seen in any of {looked}",
            where=video_id,
            next_step="Check that the video shows one whole person, or leave it out",
        )
    motion, gravity = _motion(track, valid, trust, footage, config)
    notes = {
        **footage.notes(motion.valid, motion.confidence, track.shot, track.somebody_else),
        **people_notes(track.people, track.changes),
        "standing_frames": gravity.standing_frames,
        "camera_tilt_deg": round(gravity.tilt_deg, 2),
        "precision": config.precision,
        "device": hsmr.device.type,
        "smallest_batch": hsmr.batches.smallest,
    }
    return Captured(motion, notes)


def _without_short_shots(track: PersonTrack, trusted: BoolArray, config: HsmrConfig) -> BoolArray:
    """Leave out shots with too few frames of the person."""
    valid = track.found & trusted
    for shot in np.unique(track.shot):
        if (valid & (track.shot == shot)).sum() < config.video.least_shot_frames:
            valid &= track.shot != shot
    return valid


def _motion(
    track: PersonTrack, valid: BoolArray, trust: FloatArray, footage: Footage, config: HsmrConfig
) -> tuple[Motion, Gravity]:
    """Unwrap, fill the frames without a pose, and put everything on the T timestamps."""
    q = np.full(track.q.shape, np.nan)
    for shot in np.unique(track.shot[valid]):
        of_shot = np.flatnonzero(valid & (track.shot == shot))
        q[of_shot] = np.unwrap(track.q[of_shot], axis=0)
    all_valid = footage.padded(valid, False)
    gravity = find_gravity(track.q, footage.time_s[: len(valid)], valid, config.standing)
    motion = Motion(
        q=last_valid(footage.padded(q, np.nan), all_valid),
        time_s=footage.time_s,
        confidence=footage.padded(trust, 0.0),
        valid=all_valid,
        observed=np.ones(N_DOFS, dtype=np.bool_),
        sigma_rad=_sigma(q, track, valid, config),
        gravity=gravity.down,
        gravity_source=gravity.source,
        backend=HSMR,
        betas=footage.padded(np.where(valid[:, None], track.betas, np.nan), np.nan),
        segment_lengths_m=segment_lengths_for_height(ASSUMED_HEIGHT_M),
    )
    return motion, gravity


def _sigma(q: FloatArray, track: PersonTrack, valid: BoolArray, config: HsmrConfig) -> FloatArray:
    used = np.flatnonzero(valid)
    jitter = jitter_sigma(q[used], stretches(used, track.shot))
    apart = flip_sigma(track.q[valid], track.mirrored_q[valid])
    method = np.deg2rad(config.method_sigma_deg)
    return np.asarray(np.sqrt(method**2 + jitter**2 + apart**2))
