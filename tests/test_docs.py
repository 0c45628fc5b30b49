"""The documentation builds without a broken link, and README links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Everything the documentation is made of, to be changed."""
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("docs", "benchmarks", "tools"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("mkdocs.yml", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, root)
    return root


def test_the_documentation_builds_strictly(tmp_path: Path) -> None:
    built = build(ROOT, tmp_path / "site")
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site" / "benchmarks" / "RESULTS" / "index.html").is_file()


def test_a_broken_link_and_a_page_outside_the_navigation_stop_the_build(copy: Path) -> None:
    page = copy / "docs" / "capture.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[gone](nowhere.md)\n", encoding="utf-8")
    (copy / "docs" / "lost.md").write_text("# Lost\n", encoding="utf-8")
    built = build(copy, copy / "site")
    assert built.returncode != 0
    assert "nowhere.md" in built.stderr
    assert "lost.md" in built.stderr


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_the_repository_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text(encoding="utf-8"))
    lost = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert not lost


def test_contributing_names_files_that_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = re.findall(r"`((?:qevd_bio|tests|rules|prompts|docs)/[^`]+\.\w+)`", page)
    assert len(names) > 15
    real = [name for name in names if not re.search(r"NAME|ID", name)]
    assert not [name for name in real if not (ROOT / name).is_file()]
