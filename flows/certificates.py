"""The flow of a certificate: one look, then terminal, JSON and page say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from flows.certificate_figures import machine_readable, page_content
from flows.certificate_table import show_certificate
from flows.certify import CertifyRequest, certified


def write_certificate(
    request: CertifyRequest, json_file: Path | None, html_file: Path | None
) -> None:
    """Certify, write what is asked for, and show it; raises as `certified` does."""
    made = certified(request, datetime.now(UTC).isoformat(timespec="seconds"))
    figures = machine_readable(made)
    if json_file is not None:
        _write(json_file, json.dumps(figures, indent=1, allow_nan=False) + "\n")
    if html_file is not None:
        from tasks.reporting.certificate_page import render_certificate

        _write(html_file, render_certificate(page_content(made, figures)))
    show_certificate(figures, {"Figures": json_file, "Page": html_file})


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
