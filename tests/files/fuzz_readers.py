"""Fuzzing of the readers of untrusted files: ``python -m tests.files.fuzz_readers JSON 60``.

Guided by coverage where atheris is installed, else by random changes of sound files. Anything but
a `DataError`, or more than 200 MB of memory beside the start, ends the process with an error.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

MOST_BYTES = 1 << 20
MOST_GROWTH_MB = 200

try:
    import atheris
except ImportError:
    atheris = None

if atheris is not None:
    with atheris.instrument_imports(include=["qevd_bio", "json", "pickletools"]):
        from qevd_bio.errors import QevdBioError
        from qevd_bio.files import (
            json_items,
            opensim_mot,
            restricted_numpy,
            strict_json,
        )
        from qevd_bio.released import manifest
else:
    from qevd_bio.errors import QevdBioError
    from qevd_bio.files import json_items, opensim_mot, restricted_numpy, strict_json
    from qevd_bio.released import manifest

HOME = Path(
    tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
)


def written(name: str, data: bytes) -> Path:
    path = HOME / name
    path.write_bytes(data)
    return path


def fuzz_json(data: bytes) -> None:
    path = written("feedbacks_long_range.json", data)
    for read in (strict_json.read_json, json_items.read_json_items):
        with contextlib.suppress(QevdBioError):
            read(path, next_step="x")


def fuzz_pickle(data: bytes) -> None:
    with contextlib.suppress(QevdBioError):
        restricted_numpy.load_records_npy(written("0001.npy", NPY_HEAD + data))
    with contextlib.suppress(QevdBioError):
        restricted_numpy.load_npy(written("0001.npy", data))


def fuzz_manifest(data: bytes) -> None:
    written("manifest.json", data)
    with contextlib.suppress(QevdBioError):
        manifest.read_manifest(HOME)


def fuzz_mot(data: bytes) -> None:
    with contextlib.suppress(QevdBioError):
        opensim_mot.read_mot(written("0001.mot", data))


def object_array(items: list[object]) -> tuple[bytes, bytes]:
    """Save a list of objects; the header of the file and the pickle after it."""
    held = np.empty(len(items), dtype=object)
    held[:] = items
    buffer = io.BytesIO()
    np.save(buffer, held, allow_pickle=True)
    content = buffer.getvalue()
    start = content.index(b"\n") + 1
    return content[:start], content[start:]


FRAME = {
    "poses": np.zeros((1, 46), np.float32),
    "n": 3,
    "s": "a",
    "t": (1, 2.5),
    "l": [None, b"x"],
}
NPY_HEAD, PICKLE = object_array([FRAME, FRAME])
DIGEST = "0" * 64
MANIFEST = {
    "version": "1.0.0", "schema_version": "1.3.0", "generator": {"a": "b"},
    "splits": {"train": {"videos": 1}},
    "configs": {"annotations": {"train": {"rows": 1, "shards": [
        {"path": "annotations/train-00000-of-00001.parquet", "rows": 1, "sha256": DIGEST}]}}},
    "videos": {"0001": {"split": "train", "artifacts": {"annotations": DIGEST}, "kinematics": {}}},
    "statuses": {"train": {"kept": 1}}, "missing": [], "previous_release": None,
}  # fmt: skip
RECORDS = [{
    "long_range_video_file": "./long_range_videos/0001.mp4",
    "video_timestamps": "./long_range_videos/0001_timestamps.npy",
    "feedbacks": ["", "First up are squats!", "\u00e9\U0001f600"],
    "feedback_timestamps": [1691065600.31, -1e-5, 12], "is_transition": [True, False, None],
}]  # fmt: skip
MOT = (
    "Coordinates\nversion=1\nnRows=3\nnColumns=2\ninDegrees = yes\n"
    "filled_gap_s=0.1 0.2\nendheader\n"
    "time\tknee_angle_r\t/jointset/knee_l/knee_angle_l/value\n0 1.5 nan\n0.1 2 1e3\n0.2 -3 4\n"
)

TARGETS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "JSON": (fuzz_json, [json.dumps(RECORDS).encode(), b"\xef\xbb\xbf[NaN, 1e999]"]),
    "pickle": (fuzz_pickle, [PICKLE, NPY_HEAD + PICKLE]),
    "manifest": (fuzz_manifest, [json.dumps(MANIFEST).encode()]),
    "mot": (fuzz_mot, [MOT.encode()]),
}


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """Change a sound file: bytes, pieces repeated, moved or dropped, numbers made large."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data) + 1)
        length = chance.choice((1, 2, 4, 16, 200))
        piece = bytes(data[place : place + length])
        match chance.randrange(6):
            case 0 if place < len(data):
                data[place] = chance.randrange(256)
            case 1:
                del data[place : place + length]
            case 2:
                data[place:place] = piece * chance.choice((1, 3, 500))
            case 3:
                data[place:place] = chance.choice((b"9" * 500, b"\x00", b"\xff" * 8, b"[" * 2000))
            case 4:
                data[place:place] = bytes(chance.randrange(256) for _ in range(length))
            case _:
                data[place : place + length] = chance.choice(
                    (b"NaN", b"1e999", b"\x1b", b"\xed\xa0\x80")
                )
    return bytes(data[:MOST_BYTES])


def fuzz_by_chance(run: Callable[[bytes], None], seeds: list[bytes], seconds: float) -> int:
    chance, end, count = random.Random(0), time.monotonic() + seconds, 0
    before = memory_mb()
    while time.monotonic() < end:
        run(mutated(chance.choice(seeds), chance))
        count += 1
        if memory_mb() - before > MOST_GROWTH_MB:
            raise MemoryError(f"{memory_mb() - before:.0f} MB more after {count} inputs")
    return count


def main() -> None:
    name, seconds = sys.argv[1], int(sys.argv[2])
    run, seeds = TARGETS[name]
    for seed in seeds:
        run(seed)
    if atheris is None:
        count = fuzz_by_chance(run, seeds, seconds)
        print(f"{name}: {count} inputs by random changes, no atheris; {memory_mb():.0f} MB")
        return
    corpus = HOME / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    limit = int(memory_mb()) + MOST_GROWTH_MB
    options = [
        f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", f"-rss_limit_mb={limit}",
        "-timeout=20", "-print_final_stats=1", "-verbosity=1", f"-artifact_prefix={HOME}/",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
