"""HTML pages from jinja2 templates that lie in `templates/` beside the code that fills them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from qevd_bio.files.visible_text import visible


@cache
def _environment(packages: tuple[str, ...]) -> Environment:
    return Environment(
        loader=ChoiceLoader([PackageLoader(one) for one in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(packages: str | tuple[str, ...], template: str, /, **values: object) -> str:
    """Fill a template.

    Parameters
    ----------
    packages : str or tuple of str
        Package with the template in its folder `templates/`, such as "qevd_bio.audit"; after it
        those whose templates it includes.
    template : str
        File name, such as "page.html".
    **values : object
        What the template names. Every text is escaped; wrap HTML that is already safe in
        `markupsafe.Markup`. Control characters are spelled out.

    Returns
    -------
    str
        The page.

    Raises
    ------
    jinja2.UndefinedError
        The template names a value that is not given.
    """
    names = (packages,) if isinstance(packages, str) else packages
    return visible(_environment(names).get_template(template).render(values))


def content_digest(text: str) -> str:
    """Name a style sheet or script in a content security policy: no other one is used."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
