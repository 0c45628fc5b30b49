"""Stage 1, on a GPU: angles from videos with HSMR's network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from qevd_bio.capture.hsmr.backend import capture_hsmr
from qevd_bio.capture.hsmr.config import Device, HsmrConfig
from qevd_bio.capture.hsmr.detector import DetectorChoice, Detectors
from qevd_bio.capture.hsmr.network import HsmrNetwork
from qevd_bio.capture.hsmr.pipeline import HsmrOnDevice, check_precision
from qevd_bio.capture.hsmr.sizes import AttentionHeads
from qevd_bio.engine.stage import Resources
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.files.digest import sha256_file_once, sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.qevd.load import require_times_s
from qevd_bio.stages.hsmr_options import HsmrOptions
from qevd_bio.stages.kinematics import installed, video_and_times, write_motion
from qevd_bio.stages.sessions import Sessions
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
class HsmrKinematicsStage:
    """Measure the motion of the person in each video with HSMR.

    Attributes
    ----------
    weights : WeightFolder
        Where ``hsmr`` was imported to.
    detector : DetectorChoice
        Who finds the person.
    device : str
        ``cuda`` or ``cpu``.
    config : HsmrConfig
        Settings.
    """

    sessions: Sessions
    weights: WeightFolder
    detector: DetectorChoice
    device: Device
    config: HsmrConfig
    height_m: float | None = None
    name: str = "kinematics"
    version: int = 1
    reads: tuple[str, ...] = ()
    writes: str = "kinematics"
    _loaded: _Loaded = field(default_factory=_Loaded, init=False, repr=False, compare=False)

    @property
    def resources(self) -> Resources:
        """One GPU, unless the CPU does its work."""
        return Resources(gpus=1 if self.device == "cuda" else 0)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the video, its frame times, the weights and the configuration."""
        files = video_and_times(self.sessions.by_id[video_id].record)
        packages = dict.fromkeys(("av", "torch", "mediapipe", *self.detector.packages()))
        return {
            "config": sha256_json(["hsmr", self.config.resolved(), self.device, self.height_m]),
            "weights:hsmr": self._weights_word(),
            "detector": self.detector.digest(),
            **{f"package:{name}": installed(name) for name in packages},
            **{f"file:{path.name}": sha256_file_once(path) for path in files if path.is_file()},
        }

    def _weights_word(self) -> str:
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

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Capture one video and write its table of angles."""
        hsmr, detectors = self._loaded.hsmr, self._loaded.detectors
        if hsmr is None or detectors is None:
            raise RuntimeError("the stage was not set up")
        record = self.sessions.by_id[video_id].record
        detector = detectors()
        try:
            captured = capture_hsmr(
                record.video_file,
                require_times_s(record),
                video_id=video_id,
                hsmr=hsmr,
                detector=detector,
                config=self.config,
            )
        finally:
            detector.close()
        write_motion(video_id, captured.motion, self.height_m, captured.notes, out)
        return captured.notes

    def teardown(self) -> None:
        """Let go of the models."""
        self._loaded.hsmr = self._loaded.detectors = None


def hsmr_stage(
    sessions: Sessions, options: HsmrOptions, height_m: float | None
) -> HsmrKinematicsStage:
    """Check weights, detector and settings, and make the stage.

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
    detector = DetectorChoice.named(options.detector)
    return HsmrKinematicsStage(sessions, folder, detector, device, config, height_m)
