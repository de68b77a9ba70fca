"""Everything that the page of an escape certificate shows, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.vocabulary.arrays import Float64Array


@dataclass(frozen=True, eq=False)
class CertificateContent:
    """The certificate's figures, and the scores that they were counted on.

    `figures` is its JSON object: the page says nothing that the machine-readable form does not.
    Legend: U units (boards or parts). `normal_U`, `abnormal_U` and `threshold` are oriented so that
    higher is worse, with +inf for 'no score'; `sign` (1 or -1) turns them to the tool's own.
    `pictures` are data URIs by the name of the board, for boards that are no files.
    """

    figures: Mapping[str, Any]
    score_name: str
    sign: float
    normal_U: Float64Array
    abnormal_U: Float64Array
    threshold: float
    pictures: Mapping[str, str] = field(default_factory=dict)


def certificate_file(line: str) -> str:
    """Name of the page of a line's certificate, beside the line's report."""
    return f"{line}-certificate.html"
