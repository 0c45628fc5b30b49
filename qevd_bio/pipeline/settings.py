"""Every option of `run`, as the command line and `qevd-bio.toml` name them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qevd_bio.choices import BackendName, Device, Place, Policy, Precision

SETTINGS_FILE = "qevd-bio.toml"
LANDMARK_DETECTOR = "landmarks"
"""The value of `detector` that is no folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asks for; `HELP` explains each option.

    `None`: the part of the program that uses the value chooses.
    """

    data_root: Path
    work: Path = Path("work")
    video: tuple[str, ...] = ()
    policy: Policy = "evidence"
    variants: bool = False
    salient_joints: Path | None = None
    rules: Path | None = None
    backend: BackendName = "mediapipe"
    recorded_root: Path | None = None
    height_m: float | None = None
    videos_csv: Path | None = None
    detector: str | None = None
    device: Device | None = None
    precision: Precision | None = None
    batch_size: int | None = None
    flip_every: int | None = None
    detect_every: int | None = None
    compile: bool | None = None
    weights: Path | None = None
    landmarks: Path | None = None
    shapy_root: Path | None = None
    workers: int | None = None
    shard: str | None = None
    unit_timeout_s: float = 3600.0
    start_timeout_s: float = 600.0
    memory_gb: float | None = None
    recycle: int = 200
    on: Place = "local"
    address: str | None = None


HELP = {
    "": {
        "data_root": "QEVD's folder. It is only read.",
        "work": "Folder for artifacts and records.",
        "video": "Only this video id; can be given again.",
    },
    "Sentences": {
        "policy": "evidence: rewrite only what a finding supports. "
        "paper: replace every corrective sentence by the findings.",
        "variants": "Vary the style of sentences, seeded by video and utterance.",
        "salient_joints": "JSON with the salient joints of segments: "
        "{video: {segment: [joints]}}. Segments that it does not name keep the joints of their "
        "rule.",
        "rules": "Folder of your own rules: they add to the shipped ones, or replace those of the "
        "same id.",
    },
    "Capture": {
        "backend": "mediapipe: measure the videos. hsmr: the same on a GPU, with imported "
        "weights. recorded: read motion files.",
        "recorded_root": "Folder of HSMR-VIDEO.npy, VIDEO.mot, VIDEO.npy or VIDEO.npz; "
        "--backend recorded.",
        "height_m": "The person's height in metres in every video; without it sizes are ratios.",
        "videos_csv": "CSV with the columns video_id, height_m, sex, view. "
        "Default: videos.csv of the data root, where it exists.",
    },
    "HSMR": {
        "detector": "What finds the person: 'landmarks', which is built in, or the folder of a "
        "transformers model.",
        "device": "Where the network runs. Default: cuda.",
        "precision": "Precision of the network. Default: fp16 on a GPU. A CPU takes fp32 only.",
        "batch_size": "Crops at once on a GPU.",
        "flip_every": "Also run every n-th frame mirrored, to measure the noise; 0 never.",
        "detect_every": "Detect the person in every n-th frame.",
        "compile": "Compile the network with torch.compile.",
    },
    "Body": {
        "weights": "Folder of imported weights. Default: a folder among your user data. Its "
        "skel_male or smpl_male measures bodies, its hsmr serves --backend hsmr.",
        "landmarks": "Landmark file of that body, if not SMPL's own vertices.",
        "shapy_root": "Folder of all_hsmr_shapy_measurements.json and ..._benchmark.json: bodies "
        "are read from there and not measured.",
    },
    "Execution": {
        "workers": "Worker processes. Default: one per visible GPU if a stage uses a GPU, else "
        "one per CPU. 0 works in this process.",
        "shard": "Only the I-th of N parts; a video always belongs to the same part.",
        "unit_timeout_s": "Kill a worker that needs longer for one unit.",
        "start_timeout_s": "Kill a worker that needs longer to start or load a model.",
        "memory_gb": "Kill a worker that holds more memory. Default: no limit.",
        "recycle": "Replace a worker after this many videos.",
        "on": "local: this machine. ray: all machines of a Ray cluster.",
        "address": "Address of the Ray cluster; auto: the one this machine belongs to.",
    },
}
"""Explanations by group and option. A group has a section in the help, and in lower case a table
in the settings file."""

GROUP_OF = {name: group for group, options in HELP.items() for name in options}
ENVIRONMENT = {
    "data_root": "QEVD_BIO_DATA",
    "work": "QEVD_BIO_WORK",
    "weights": "QEVD_BIO_WEIGHTS",
}
BACKEND_OF = {"recorded_root": "recorded", **dict.fromkeys(HELP["HSMR"], "hsmr")}
"""The only backend that an option is for."""

LEAST = {"workers": 0, "recycle": 1, "batch_size": 1, "flip_every": 0, "detect_every": 1}
POSITIVE = ("unit_timeout_s", "start_timeout_s", "memory_gb")
METAVAR = {"shard": "I/N"}


def in_folder(name: str, value: object, folder: Path) -> object:
    """Let a relative path start from a folder; other values stay as they are."""
    if isinstance(value, Path):
        return folder / value
    if name == "detector" and isinstance(value, str) and value != LANDMARK_DETECTOR:
        return str(folder / value)
    return value
