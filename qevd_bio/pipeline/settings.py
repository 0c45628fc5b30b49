"""Every option of `run`, as the command line and `qevd-bio.toml` name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qevd_bio.choices import BackendName, Device, Place, Policy, Precision

SETTINGS_FILE = "qevd-bio.toml"
LANDMARK_DETECTOR = "landmarks"
"""The value of `detector` that is no folder."""

SENTENCES, CAPTURE, HSMR = "Sentences", "Capture", "HSMR"
BODY, EXECUTION = "Body", "Execution"


@dataclass(frozen=True, slots=True)
class About:
    """What a user reads about an option.

    Attributes
    ----------
    help : str
        One or two sentences.
    group : str
        Title in the help; in lower case the name of a table in `qevd-bio.toml`.
    environment : str
        Variable that gives the value where the command line does not.
    metavar : str
        Stands for the value in the help.
    least : int, optional
        Smallest value.
    """

    help: str
    group: str = ""
    environment: str = ""
    metavar: str = ""
    least: int | None = None


def _about(
    help: str,
    group: str = "",
    *,
    environment: str = "",
    metavar: str = "",
    least: int | None = None,
) -> Mapping[str, About]:
    return {"about": About(help, group, environment, metavar, least)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asks for; each field's metadata says what it means.

    `None` leaves the choice to the part of the program that uses the value.
    """

    data_root: Path = field(
        metadata=_about("QEVD's folder. It is only read.", environment="QEVD_BIO_DATA")
    )
    work: Path = field(
        default=Path("work"),
        metadata=_about("Folder for artifacts and records.", environment="QEVD_BIO_WORK"),
    )
    video: tuple[str, ...] = field(
        default=(), metadata=_about("Only this video id; can be given again.")
    )
    policy: Policy = field(
        default="evidence",
        metadata=_about(
            "evidence: rewrite only what a finding supports. "
            "paper: replace every corrective sentence by the findings.",
            SENTENCES,
        ),
    )
    variants: bool = field(
        default=False,
        metadata=_about("Vary the style of sentences, seeded by video and utterance.", SENTENCES),
    )
    salient_joints: Path | None = field(
        default=None,
        metadata=_about(
            "JSON with the salient joints of segments: {video: {segment: [joints]}}. "
            "Segments that it does not name keep the joints of their rule.",
            SENTENCES,
        ),
    )
    rules: Path | None = field(
        default=None,
        metadata=_about(
            "Folder of your own rules: they add to the shipped ones, or replace those of the "
            "same id.",
            SENTENCES,
        ),
    )
    backend: BackendName = field(
        default="mediapipe",
        metadata=_about(
            "mediapipe: measure the videos. hsmr: the same on a GPU, with imported weights. "
            "recorded: read motion files.",
            CAPTURE,
        ),
    )
    recorded_root: Path | None = field(
        default=None,
        metadata=_about(
            "Folder of HSMR-VIDEO.npy, VIDEO.mot, VIDEO.npy or VIDEO.npz; --backend recorded.",
            CAPTURE,
        ),
    )
    height_m: float | None = field(
        default=None,
        metadata=_about(
            "The person's height in metres in every video; without it sizes are ratios.", CAPTURE
        ),
    )
    videos_csv: Path | None = field(
        default=None,
        metadata=_about(
            "CSV with the columns video_id, height_m, sex, view. "
            "Default: videos.csv of the data root, where it exists.",
            CAPTURE,
        ),
    )
    detector: str | None = field(
        default=None,
        metadata=_about(
            "What finds the person: 'landmarks', which is built in, or the folder of a "
            "transformers model.",
            HSMR,
        ),
    )
    device: Device | None = field(
        default=None, metadata=_about("Where the network runs. Default: cuda.", HSMR)
    )
    precision: Precision | None = field(
        default=None,
        metadata=_about(
            "Precision of the network. Default: fp16 on a GPU. A CPU takes fp32 only.", HSMR
        ),
    )
    batch_size: int | None = field(default=None, metadata=_about("Crops at once on a GPU.", HSMR))
    flip_every: int | None = field(
        default=None,
        metadata=_about(
            "Also run every n-th frame mirrored, to measure the noise; 0 never.", HSMR
        ),
    )
    detect_every: int | None = field(
        default=None, metadata=_about("Detect the person in every n-th frame.", HSMR)
    )
    compile: bool | None = field(
        default=None, metadata=_about("Compile the network with torch.compile.", HSMR)
    )
    weights: Path | None = field(
        default=None,
        metadata=_about(
            "Folder of imported weights. Default: a folder among your user data. Its skel_male "
            "or smpl_male measures bodies, its hsmr serves --backend hsmr.",
            BODY,
            environment="QEVD_BIO_WEIGHTS",
        ),
    )
    landmarks: Path | None = field(
        default=None,
        metadata=_about("Landmark file of that body, if not SMPL's own vertices.", BODY),
    )
    shapy_root: Path | None = field(
        default=None,
        metadata=_about(
            "Folder of all_hsmr_shapy_measurements.json and ..._benchmark.json: bodies are read "
            "from there and not measured.",
            BODY,
        ),
    )
    workers: int | None = field(
        default=None,
        metadata=_about(
            "Worker processes. Default: one per visible GPU if a stage uses a GPU, else one per "
            "CPU. 0 works in this process.",
            EXECUTION,
            least=0,
        ),
    )
    shard: str | None = field(
        default=None,
        metadata=_about(
            "Only the I-th of N parts; a video always belongs to the same part.",
            EXECUTION,
            metavar="I/N",
        ),
    )
    unit_timeout_s: float = field(
        default=3600.0,
        metadata=_about("Kill a worker that needs longer for one unit.", EXECUTION),
    )
    start_timeout_s: float = field(
        default=600.0,
        metadata=_about("Kill a worker that needs longer to start or load a model.", EXECUTION),
    )
    memory_gb: float | None = field(
        default=None,
        metadata=_about("Kill a worker that holds more memory. Default: no limit.", EXECUTION),
    )
    recycle: int = field(
        default=200,
        metadata=_about("Replace a worker after this many videos.", EXECUTION, least=1),
    )
    on: Place = field(
        default="local",
        metadata=_about("local: this machine. ray: all machines of a Ray cluster.", EXECUTION),
    )
    address: str | None = field(
        default=None,
        metadata=_about(
            "Address of the Ray cluster; auto: the one this machine belongs to.", EXECUTION
        ),
    )


def in_folder(name: str, value: object, folder: Path) -> object:
    """Let a relative path start from a folder; other values stay as they are."""
    if isinstance(value, Path):
        return folder / value
    if name == "detector" and isinstance(value, str) and value != LANDMARK_DETECTOR:
        return str(folder / value)
    return value
