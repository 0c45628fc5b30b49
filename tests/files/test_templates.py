"""Pages from templates: every text is escaped, and a value that is missing is an error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from qevd_bio.files.templates import render


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "house_of_pages"
    (folder / "templates").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "templates" / "page.html").write_text(
        "<ul>\n{% for name in names %}\n  <li>{{ name }}</li>\n{% endfor %}\n</ul>\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, folder.name, raising=False)
    return folder.name


def test_texts_are_escaped_and_safe_html_is_kept(package: str) -> None:
    page = render(package, "page.html", names=["<b>", Markup("<i>a</i>")])
    assert page == "<ul>\n  <li>&lt;b&gt;</li>\n  <li><i>a</i></li>\n</ul>\n"


def test_a_missing_value_is_an_error(package: str) -> None:
    with pytest.raises(UndefinedError, match="names"):
        render(package, "page.html")
