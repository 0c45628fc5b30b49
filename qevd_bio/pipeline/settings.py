"""Every option of `run`, as the command line and `qevd-bio.toml` name them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qevd_bio.choices import (
    BackendName,
    DetectorModel,
    Device,
    FeaturesChoice,
    FeatureTurn,
    Place,
    Policy,
    Precision,
)

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
    kinds: Path | None = None
    salient_joints: str | None = None
    rules: Path | None = None
    references: Path | None = None
    backend: BackendName = "mediapipe"
    detector_model: DetectorModel | None = None
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
    features: FeaturesChoice | None = None
    features_turn: FeatureTurn | None = None
    features_device: Device | None = None
    weights: Path | None = None
    landmarks: Path | None = None
    shapy_root: Path | None = None
    muscles: Path | None = None
    passive_scale: float | None = None
    workers: int | None = None
    shard: str | None = None
    unit_timeout_s: float = 3600.0
    start_timeout_s: float = 600.0
    memory_gb: float | None = None
    recycle: int | None = None
    in_hand: int | None = None
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
        "kinds": "CSV with second opinions about the kinds of sentences, of `annotate kinds`. "
        "They decide where the lexicon is in doubt, and people's decisions everywhere.",
        "salient_joints": "JSON with the salient joints of segments: "
        "{video: {segment: [joints]}}. Segments that it does not name keep the joints of their "
        "rule. selector:FOLDER: a selector of `train selector` chooses them from visual features.",
        "rules": "Folder of your own rules: they add to the shipped ones, or replace those of the "
        "same id.",
        "references": "Folder of references, as `references generate` writes it, in place of the "
        "rules' own.",
    },
    "Capture": {
        "backend": "mediapipe: measure the videos. hsmr: the same on a GPU, with imported "
        "weights. recorded: read motion files.",
        "detector_model": "Network that finds the landmarks; --backend mediapipe. full takes a "
        "fourth of the time and is less exact. Default: heavy.",
        "recorded_root": "Folder of HSMR-VIDEO.npy, SKEL-CF-VIDEO.npz, VIDEO.mot, "
        "OpenCap-Monocular-VIDEO.mot or others that docs/looking.md lists; --backend recorded.",
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
    "Features": {
        "features": "Also compute visual features. cnn3d: by Stream-VLM's imported network. "
        "standin: by the small shipped one. auto: cnn3d where it was imported, else standin.",
        "features_turn": "upright: turn a video as its person stands (default). official: by its "
        "id, as Stream-VLM's code does.",
        "features_device": "Where the network runs. Default: cuda where torch sees a GPU.",
    },
    "Body": {
        "weights": "Folder of imported weights. Default: a folder among your user data. Its "
        "skel_male or smpl_male measures bodies, its hsmr serves --backend hsmr, its cnn3d "
        "--features.",
        "landmarks": "Landmark file of that body, if not SMPL's own vertices.",
        "shapy_root": "Folder of all_hsmr_shapy_measurements.json and ..._benchmark.json: bodies "
        "are read from there and not measured.",
    },
    "Muscles": {
        "muscles": "Also simulate muscle activations with this .osim model of the LaiUhlrich "
        "family; needs the extra muscles.",
        "passive_scale": "Scale of the muscles' passive forces. 1: as the model has them "
        "(default). 0: none.",
    },
    "Execution": {
        "workers": "Worker processes. Default: one per visible GPU if a stage uses a GPU, else "
        "one per CPU. 0 works in this process.",
        "shard": "Only the I-th of N parts; a video always belongs to the same part.",
        "unit_timeout_s": "Kill a worker that needs longer for one unit.",
        "start_timeout_s": "Kill a worker that needs longer to start or load a model.",
        "memory_gb": "Kill a worker that holds more memory. Default: no limit.",
        "recycle": "Replace a worker after this many videos. Default: 200, at the earliest after "
        "an hour.",
        "in_hand": "Most videos that a worker works on at once. Default: 8 with --backend hsmr. "
        "Other backends take 1.",
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
BACKEND_OF = {
    "detector_model": "mediapipe",
    "recorded_root": "recorded",
    **dict.fromkeys(HELP["HSMR"], "hsmr"),
}
"""The only backend that an option is for."""

LEAST = {
    "workers": 0,
    "recycle": 1,
    "in_hand": 1,
    "batch_size": 1,
    "flip_every": 0,
    "detect_every": 1,
}
POSITIVE = ("unit_timeout_s", "start_timeout_s", "memory_gb")
METAVAR = {"shard": "I/N", "salient_joints": "FILE|selector:DIR"}


SELECTOR_PREFIX = "selector:"
"""Begins the value of `salient_joints` that names a trained selector's folder."""


def in_folder(name: str, value: object, folder: Path) -> object:
    """Let a relative path start from a folder; other values stay as they are."""
    if isinstance(value, Path):
        return folder / value
    if name == "salient_joints" and isinstance(value, str):
        prefix = SELECTOR_PREFIX if value.startswith(SELECTOR_PREFIX) else ""
        return prefix + str(folder / value.removeprefix(SELECTOR_PREFIX))
    if name == "detector" and isinstance(value, str) and value != LANDMARK_DETECTOR:
        return str(folder / value)
    return value
