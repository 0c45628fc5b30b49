"""Show the pages beside docs/ (results, contributing, changelog) in the documentation, too.

They stay where a reader of the repository looks for them; links between them and docs/ hold in
both places.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ("CONTRIBUTING.md", "CHANGELOG.md", *sorted(ROOT.glob("benchmarks/RESULTS*.md")))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie beside docs/."""
    for path in (ROOT / name for name in BESIDE):
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links written for the repository's folders lead to the pages of the site."""
    name = page.file.src_uri
    if name in BESIDE:
        return re.sub(r"\]\(docs/", "](", markdown)
    if name.startswith("benchmarks/"):
        return re.sub(r"\]\(\.\./docs/", "](../", markdown)
    return re.sub(r"\]\(\.\./(?=benchmarks/|CONTRIBUTING|CHANGELOG)", "](", markdown)
