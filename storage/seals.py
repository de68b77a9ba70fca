"""JSON objects that carry the digest of their own bytes: a changed one is never believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from storage.fingerprints import content_digest

_HEAD = b'{"seal":"%s",'
_HEAD_LENGTH = len(_HEAD % (b"0" * 64))


def sealed(fields: Mapping[str, Any]) -> bytes:
    """JSON of a non-empty mapping, keys sorted, with its digest as first key `seal`."""
    body = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")
    return _HEAD % content_digest(body).encode("ascii") + body[1:]


def unsealed(content: bytes) -> dict[str, Any]:
    """Fields that were sealed; ValueError if any byte differs from what was written."""
    body = b"{" + content[_HEAD_LENGTH:]
    if content[:_HEAD_LENGTH] != _HEAD % content_digest(body).encode("ascii"):
        raise ValueError("its seal is broken")
    fields: dict[str, Any] = json.loads(body)
    return fields
