"""The command `zeroescape certificate`: its options, with the help that the terminal shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.certify_command import HtmlFile, JsonFile
from flows.exit_codes import exit_codes

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]


def certificate(config: Config, html_file: HtmlFile = None, json_file: JsonFile = None) -> None:
    """Show the escape certificate of a line's champion, as it stands after all looks at its images.

    Made by `retrain`; this looks at nothing anew. Where other bundles were certified on the same images
    since, the limits here are wider than they were then.
    """
    with exit_codes():
        from flows.certificates import write_own_certificate

        write_own_certificate(config, json_file, html_file)
