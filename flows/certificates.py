"""The flow of a certificate, of any tool's scores or of a line's champion: all forms say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.certificate_figures import machine_readable, page_content
from flows.certificate_screening import screened_figures
from flows.certificate_table import show_certificate
from flows.certify import CertifyRequest, certified
from storage.receipts import Receipt
from storage.snapshots import Snapshot
from storage.stores import Stores
from tasks.reporting.certificate_content import CertificateContent, certificate_file
from tasks.vocabulary.errors import InputError


def write_certificate(
    request: CertifyRequest, json_file: Path | None, html_file: Path | None, pictures: int = 0
) -> None:
    """Certify, write what is asked for, and show it; raises as `certified` does.

    So many `pictures` of each class are screened for what a tool could have learned instead.
    """
    made = certified(request, datetime.now(UTC).isoformat(timespec="seconds"))
    figures = screened_figures(made, machine_readable(made), pictures)
    _write_and_show(figures, page_content(made, figures), json_file, html_file)


def write_own_certificate(config: Path, json_file: Path | None, html_file: Path | None) -> None:
    """Write and show the champion's certificate; raises as `champion_certificate` does."""
    from flows.own_certificate import champion_certificate
    from flows.settings import load_settings

    settings = load_settings(config)
    figures, content = champion_certificate(Stores(settings.store), settings.line)
    _write_and_show(figures, content, json_file, html_file)


def write_certificate_beside(
    report: Path, stores: Stores, snapshot: Snapshot, certificate: Receipt
) -> dict[str, Any]:
    """Write the page of a certificate where the report of the same run links to it; its figures."""
    from flows.own_certificate import own_certificate
    from tasks.reporting.certificate_page import render_certificate

    figures, content = own_certificate(stores, snapshot, certificate)
    _write(report.with_name(certificate_file(report.stem)), render_certificate(content))
    return figures


def _write_and_show(
    figures: dict[str, Any],
    content: CertificateContent,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    if json_file is not None:
        _write(json_file, json.dumps(figures, indent=1, allow_nan=False) + "\n")
    if html_file is not None:
        from tasks.reporting.certificate_page import render_certificate

        _write(html_file, render_certificate(content))
    show_certificate(figures, {"Figures": json_file, "Page": html_file})


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{file} cannot be written: {error.strerror}.", "Give another place; the look is kept."
        ) from error
