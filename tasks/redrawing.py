"""How well a committed reconstruction redraws normals that it never trained on."""

from __future__ import annotations

import math
from typing import Any, cast

from storage.stores import Stores
from tasks.reporting.content import Redrawing


def redrawing_of(stores: Stores, model_key: str) -> Redrawing | None:
    """None for the mean image itself, and for a model that was never validated."""
    model = stores.registry.find("models", model_key)
    facts = cast("dict[str, Any]", {} if model is None else model.facts)
    psnr_db = (facts.get("best") or {}).get("validation_psnr_db")
    mean_db = facts.get("mean_image_psnr_db")
    if psnr_db is None or mean_db is None or math.isclose(psnr_db, mean_db, abs_tol=0.01):
        return None
    return Redrawing(psnr_db, mean_db)
