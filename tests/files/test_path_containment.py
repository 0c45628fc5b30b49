from __future__ import annotations

import pytest

from qevd_bio.errors import DataError
from qevd_bio.files.path_containment import contained_path, plain_name


@pytest.mark.parametrize(
    "relative, parts",
    [
        ("0001.mp4", ("0001.mp4",)),
        ("./long_range_videos/0001.mp4", ("long_range_videos", "0001.mp4")),
        ("a//b/c d.npy", ("a", "b", "c d.npy")),
        ("..hidden/x", ("..hidden", "x")),
    ],
)
def test_path_inside_is_joined(tmp_path, relative, parts):
    assert contained_path(tmp_path, relative, where="r") == tmp_path.resolve().joinpath(*parts)


@pytest.mark.parametrize(
    "relative, cause",
    [
        ("", "is empty"),
        (".", "is empty"),
        ("  ", "is empty"),
        ("/etc/passwd", "is absolute"),
        ("C:/windows/x", "is absolute"),
        ("c:x", "is absolute"),
        ("\\\\server\\share\\x", "is absolute"),
        ("\\x", "is absolute"),
        ("../x", "holds '..'"),
        ("a/../../x", "holds '..'"),
        ("a/..", "holds '..'"),
        ("a\\..\\..\\x", "holds '..'"),
        ("a\x00b", "control character"),
        ("a\nb", "control character"),
    ],
)
def test_path_that_leaves_is_refused(tmp_path, relative, cause):
    with pytest.raises(DataError, match=cause) as caught:
        contained_path(tmp_path, relative, where="feedbacks.json record 3")
    assert caught.value.where == "feedbacks.json record 3"
    assert "\n" not in str(caught.value)


def test_link_may_point_inside_but_not_outside(tmp_path):
    root = tmp_path / "root"
    (root / "videos").mkdir(parents=True)
    (tmp_path / "secret").write_text("s")
    (root / "in").symlink_to(root / "videos")
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to(root)
    assert contained_path(root, "in/x.mp4", where="r") == (root / "videos" / "x.mp4").resolve()
    for relative in ("out/secret", "out", "loop"):
        with pytest.raises(DataError, match="symbolic link"):
            contained_path(root, relative, where="r")


def test_sibling_with_the_same_beginning_is_outside(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root2").mkdir()
    (tmp_path / "root" / "x").symlink_to(tmp_path / "root2")
    with pytest.raises(DataError):
        contained_path(tmp_path / "root", "x", where="r")


@pytest.mark.parametrize("name", ["0001", "0001.mp4", "a_b-C.9", "x" * 128])
def test_plain_names_pass(name):
    assert plain_name(name, where="w") == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "é", "a\n", "x" * 129, "a\x00"]
)
def test_other_names_are_refused(name):
    with pytest.raises(DataError, match="cannot name a folder"):
        plain_name(name, where="w")
