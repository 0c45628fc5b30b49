"""Short clips, weights and a stand-in detector for runs of the pipeline with HSMR.

`clip_stages` makes the stages in each worker of such a run.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.hsmr_made import made_frames
from qevd_bio.capture.backend import SourceVideo
from qevd_bio.capture.captured import Captured
from qevd_bio.capture.config import PersonConfig, TurnConfig
from qevd_bio.capture.hsmr.backend import HsmrBackend
from qevd_bio.capture.hsmr.detector import Detected, PersonDetector
from qevd_bio.capture.hsmr.detector_choice import DetectorChoice
from qevd_bio.capture.hsmr.network import HsmrNetwork
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.engine.stage import Stage
from qevd_bio.pipeline.config import config_from
from qevd_bio.pipeline.stages import lay_out
from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS
from qevd_bio.stages.kinematics import KinematicsStage
from qevd_bio.synthetic.video import frame_timestamps_ns, write_video
from qevd_bio.weights.hsmr_shapes import HEADS_KEY, OFFICIAL_SIZE, heads_text
from qevd_bio.weights.store import METADATA_KEYS, SCHEMA_VERSION
from qevd_bio.weights.tensor_file import write_tensors

DISTINCT = 10
"""Clips are copies of so many videos."""


class StandIn:
    """Finds a person in the middle of each picture, for nothing."""

    def __call__(self, images: Sequence[RgbImage]) -> list[Detected]:
        """Find the same box everywhere."""
        height, width = images[0].shape[:2]
        box = np.array([[0.35 * width, 0.1 * height, 0.65 * width, 0.95 * height]])
        return [Detected(box, np.array([0.9]))] * len(images)

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class StandInChoice(DetectorChoice):
    """The choice of `StandIn`."""

    def digest(self) -> str:
        """Name it."""
        return "stand-in"

    def load(self, config: PersonConfig, device: str) -> Callable[[], PersonDetector]:
        """Return what makes one."""
        return StandIn


@dataclass(frozen=True)
class MeasuredBackend(HsmrBackend):
    """Writes the use of the network, and of memory, to a file after each video."""

    use_file: Path = Path()

    def setup(self) -> None:
        """Set up, and begin to count."""
        super().setup()
        self._note("")

    def capture(self, video: SourceVideo, time_s: np.ndarray) -> Captured:
        """Capture a video, and note what was used until now."""
        made = super().capture(video, time_s)
        self._note(video.video_id)
        return made

    def _note(self, video_id: str) -> None:
        hsmr = self._loaded.hsmr
        if hsmr is None:
            raise RuntimeError("the backend was not set up")
        is_gpu = hsmr.device.type == "cuda"
        line = {
            "video": video_id,
            "s": time.monotonic(),
            "gpu_mb": torch.cuda.max_memory_allocated(hsmr.device) / 1e6 if is_gpu else 0.0,
            "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
            "shared": hsmr.batches.shared,
            **asdict(hsmr.batches.use),
        }
        with self.use_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def clip_stages(
    config: Mapping[str, Any], use_file: str, *, stand_in: bool, threads: int
) -> tuple[Stage, ...]:
    """Lay out the stages of a run, with a backend that counts.

    Parameters
    ----------
    config : mapping
        As `PipelineConfig.as_json`.
    use_file : str
        Gets what the network and the memory were used for.
    stand_in : bool
        Whether the detector is the stand-in, and videos are taken for upright.
    threads : int
        Of torch, for one operation.
    """
    torch.set_num_threads(threads)
    _, _, stages = lay_out(config_from(dict(config), where="benchmark"))
    first = stages[0]
    if not isinstance(first, KinematicsStage) or not isinstance(first.backend, HsmrBackend):
        raise TypeError("the benchmark measures the backend of HSMR")
    backend = first.backend
    video = replace(backend.config.video, turn=TurnConfig(fixed_deg=0))
    measured = MeasuredBackend(
        backend.weights,
        StandInChoice() if stand_in else backend.detector,
        backend.device,
        replace(backend.config, video=video) if stand_in else backend.config,
        use_file=Path(use_file),
    )
    return (replace(first, backend=measured), *stages[1:])


def write_clips(
    root: Path, clips: int, *, frames: int, rate_hz: int, height: int, width: int
) -> None:
    """Write a data root of short clips of a moving pattern, without any utterance."""
    split = root / SPLIT_FOLDERS["train"]
    videos = split / "long_range_videos"
    videos.mkdir(parents=True)
    records = []
    for number in range(clips):
        name, original = f"{number + 1000:04}", videos / f"{number % DISTINCT + 1000:04}.mp4"
        if number < DISTINCT:
            picture = made_frames(1, height, width, seed=number)[0]
            sway = np.round(8 * np.sin(np.arange(frames) / 5 + number)).astype(int)
            moving = (np.roll(picture, shift, axis=1) for shift in sway)
            write_video(original, moving, rate_hz)
        else:
            os.link(original, videos / f"{name}.mp4")
        rng = np.random.default_rng(number)
        stamps = frame_timestamps_ns(frames, rate_hz, 1_690_000_000_000_000_000, rng)
        np.save(videos / f"{name}_timestamps.npy", stamps)
        records.append(
            {
                "long_range_video_file": f"./long_range_videos/{name}.mp4",
                "video_timestamps": f"./long_range_videos/{name}_timestamps.npy",
                "feedbacks": [""],
                "feedback_timestamps": [float(stamps[0]) / 1e9],
                "is_transition": [False],
            }
        )
    (split / RECORDS_FILE).write_text(json.dumps(records), encoding="utf-8")


def write_weights(folder: Path, network: HsmrNetwork) -> None:
    """Store a network of random weights as imported ones are."""
    folder.mkdir(parents=True)
    # Poses near the mean one: random ones that no body could take have no confidence.
    network.head.poses_decoder.weight.mul_(0.02)
    network.head.poses_decoder.bias.zero_()
    tensors = {key: value.cpu().numpy() for key, value in network.state_dict().items()}
    metadata = dict.fromkeys(METADATA_KEYS, "made for a benchmark")
    metadata |= {"name": "hsmr", "schema_version": SCHEMA_VERSION}
    metadata["official_size"] = "yes" if network.size == OFFICIAL_SIZE else "no"
    metadata[HEADS_KEY] = heads_text(network.heads)
    write_tensors(folder / "hsmr.safetensors", tensors, metadata)
