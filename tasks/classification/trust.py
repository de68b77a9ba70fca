"""Reading skops archives with an explicit list of allowed types."""

from __future__ import annotations

from typing import Any

import skops.io
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from skops.io.exceptions import UntrustedTypesFoundException

from tasks.vocabulary.errors import InputError


def read_skops(content: bytes, allowed: tuple[str, ...], expected: type) -> Any:
    """Read an estimator of exactly the `expected` type; no type outside `allowed` is constructed.

    `allowed` names what skops does not trust by itself and the caller checks. InputError for a
    broken archive, a type that is not allowed, or another or an unfitted estimator.
    """
    remedy = "Take the model from a trusted store, or fit the composite score again."
    try:
        estimator = skops.io.loads(content, trusted=list(allowed))
    except UntrustedTypesFoundException as error:
        raise InputError(
            f"The stored model holds types that are not allowed: {error}", remedy
        ) from error
    except Exception as error:
        # skops raises whatever zipfile, json or numpy raise on a broken archive.
        raise InputError(f"The stored model cannot be read: {error!r}.", remedy) from error
    if type(estimator) is not expected:
        raise InputError(f"The stored model is a {type(estimator).__name__}.", remedy)
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise InputError("The stored model was never fitted.", remedy) from error
    return estimator
