"""What all HTML pages of this room are rendered with: own templates, escaped texts, styles inline."""

from __future__ import annotations

from pathlib import Path

import jinja2
from markupsafe import Markup

HERE = Path(__file__).parent


def template(name: str) -> jinja2.Template:
    """One of this room's templates; a name that it uses and is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def own_file(name: str) -> str:
    """Text of a file of this room."""
    return (HERE / name).read_text(encoding="utf-8")


def style(*names: str) -> Markup:
    """Style sheets of this room one after another, to stand in a page as they are."""
    return Markup("".join(map(own_file, names)))  # noqa: S704 -- own files
