"""HTML pages from jinja2 templates that lie in `templates/` beside the code that fills them."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from qevd_bio.files.visible_text import visible


@cache
def _environment(package: str) -> Environment:
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(package: str, template: str, /, **values: object) -> str:
    """Fill a template.

    Parameters
    ----------
    package : str
        Package with the template in its folder `templates/`, such as "qevd_bio.audit".
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
    return visible(_environment(package).get_template(template).render(values))
