"""HTML pages from jinja2 templates that lie in `templates/` beside the code that fills them."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


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
    """Fill a template that lies in the folder `templates/` of a package.

    Every text among the values is escaped; wrap HTML that is already safe in `markupsafe.Markup`.
    A name that the template uses and no value has raises `jinja2.UndefinedError`.
    """
    return _environment(package).get_template(template).render(values)
