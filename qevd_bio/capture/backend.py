"""What a capture backend is: one way from a source video to a motion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Protocol, get_args

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.captured import Captured
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.choices import BackendName
from qevd_bio.errors import VideoError
from qevd_bio.files.digest import sha256_file_once, sha256_json
from qevd_bio.files.strict_json import JsonValue

MEDIAPIPE: Final = "mediapipe"
HSMR: Final = "hsmr"
RECORDED: Final = "recorded"
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)


@dataclass(frozen=True, slots=True)
class SourceVideo:
    """The files of one video, either of which may be absent, and its name without suffix.

    `exercises` are those that its record names and a rule describes; `times_sha256` is of the
    bytes that its frame times were read from.
    """

    video_id: str
    file: Path
    timestamps_file: Path
    exercises: tuple[ExpectedExercise, ...] = ()
    times_sha256: str | None = None

    def present_file(self) -> Path:
        """Return the video file; `VideoError` when it is absent."""
        if not self.file.is_file():
            raise VideoError(
                "the video is absent",
                where=str(self.file),
                next_step="Restore the file and run again; only this video will run",
            )
        return self.file

    def times_digest(self) -> dict[str, str]:
        """Name the file of the frame times, by what was read of it."""
        if self.times_sha256 is None:
            return {}
        return {f"file:{self.timestamps_file.name}": self.times_sha256}

    def exercises_digest(self) -> str:
        """Digest the exercises, as those who look at the pictures depend on them."""
        return sha256_json([asdict(one) for one in self.exercises])


class Backend(Protocol):
    """One way to measure the motion of the person in a video.

    Attributes
    ----------
    name : str
        One of `BACKENDS`.
    version : int
        Raised by hand whenever the output would change.
    gpus : int
        GPUs that one video occupies.
    videos_in_hand : int
        Videos that `capture` may be called for at the same time, each in a thread of its own.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def gpus(self) -> int: ...  # noqa: D102

    @property
    def videos_in_hand(self) -> int:
        """One video after the other, unless a backend can take several at once."""
        return 1

    def depends(self, video: SourceVideo) -> Mapping[str, str]:
        """Name everything that decides the motion of a video, as `Stage.depends` does."""
        ...

    def setup(self) -> None:
        """Load what all videos share, or check that it is there."""
        return

    def loaded(self) -> Mapping[str, str]:
        """Name what `setup` loaded, as `Stage.loaded` does."""
        return {}

    def capture(self, video: SourceVideo, time_s: FloatArray) -> Captured:
        """Measure the motion of one video with timestamps (T,): seconds, strictly increasing.

        Frames without the person repeat the last valid pose, leading ones the first, and are not
        valid.
        """
        ...

    def teardown(self) -> None:
        """Release what `setup` loaded."""
        return


def digests(
    settings: JsonValue, files: Iterable[Path], packages: Iterable[str] = ()
) -> dict[str, str]:
    """Digest settings, the files that are there and the versions of packages."""
    return {
        "config": sha256_json(settings),
        **{f"package:{name}": installed(name) for name in packages},
        **{f"file:{path.name}": sha256_file_once(path) for path in files if path.is_file()},
    }


def installed(package: str) -> str:
    """Return the version of an installed package, or ``absent``."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
