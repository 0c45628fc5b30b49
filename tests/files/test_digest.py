from __future__ import annotations

import hashlib
import os
import time

import pytest

from qevd_bio.errors import DataError
from qevd_bio.files import digest
from qevd_bio.files.digest import sha256_file, sha256_file_once, sha256_json


def test_file_digest_is_the_published_test_vector(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert sha256_file(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


@pytest.mark.parametrize("function", [sha256_file, sha256_file_once])
def test_absent_file_is_named(tmp_path, function):
    with pytest.raises(DataError, match="No such file") as caught:
        function(tmp_path / "0009.mp4")
    assert caught.value.where.endswith("0009.mp4")
    assert "\n" not in str(caught.value)


def test_file_is_read_once_while_it_stays_as_it_is(tmp_path, monkeypatch):
    video = tmp_path / "v.mp4"
    video.write_bytes(b"one")
    reads = []
    real = digest._hashed
    monkeypatch.setattr(digest, "_hashed", lambda file: reads.append(file) or real(file))
    monkeypatch.setattr(digest, "SETTLED_NS", -(10**18))
    first = [sha256_file_once(video) for _ in range(3)]
    assert set(first) == {hashlib.sha256(b"one").hexdigest()}
    assert len(reads) == 1

    times = video.stat()
    time.sleep(0.02)  # more than a tick of the file system's clock
    video.write_bytes(b"two")
    os.utime(video, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert sha256_file_once(video) == hashlib.sha256(b"two").hexdigest()
    assert len(reads) == 2


def test_file_written_to_just_now_is_read_again(tmp_path):
    """Twice within one tick of the clock, with the same size: no time stamp shows it."""
    video = tmp_path / "v.mp4"
    for text in (b"one", b"two", b"six") * 20:
        video.write_bytes(text)
        assert sha256_file_once(video) == hashlib.sha256(text).hexdigest()


def test_json_digest_is_of_the_canonical_text():
    text = b'{"a":[1,2.5,null,true],"b":"\\u00b0"}'
    value = {"b": "°", "a": [1, 2.5, None, True]}
    assert sha256_json(value) == hashlib.sha256(text).hexdigest()
    assert sha256_json(dict(reversed(value.items()))) == sha256_json(value)


def test_json_digest_refuses_nan():
    with pytest.raises(DataError, match="value to be hashed"):
        sha256_json({"a": float("nan")})
