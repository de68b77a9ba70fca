"""What every member of the union offers: the seam between this room and the classifier libraries.

Legend: N images, K kept metrics, scaled so that the fitted images span [0, 1].
"""

from __future__ import annotations

from typing import Any, Protocol

from tasks.vocabulary.arrays import Float64Array


class Model(Protocol):
    """What is kept of a fitted classifier: enough to score, to rank metrics and to be stored."""

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the probability of abnormal, float64 in [0, 1], as finely as it goes."""
        ...

    def weights(self) -> Float64Array:
        """Give the influence of each of the K columns, at least 0, on an own scale."""
        ...

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Give what each column adds to each image's score, [N, K]; positive speaks for abnormal.

        On the scale on which the member adds up, named in each member: a row sums to its image's
        value on that scale less a value that is the same for all images. A column that the model
        does not use gets 0. Each row is worked out by itself. It explains a model, not the product.
        """
        ...

    def content(self) -> bytes:
        """Give the model in its library's own file format, never a pickle."""
        ...


class Classifier(Protocol):
    """One member: how it is made, searched, kept and read back. Results do not depend on threads.

    Estimators run on one thread: forests add up the trees' votes, and boosters their histograms, in
    the order in which threads finish, which changes the last bits. Folds run in parallel instead.
    """

    @property
    def file_name(self) -> str:
        """Name of the stored model."""
        ...

    def estimator(self, seed: int) -> Any:
        """Make an unfitted scikit-learn estimator with the settings' values."""
        ...

    def search_space(self) -> dict[str, Any]:
        """Distributions of the estimator's parameters for the randomized search; may be empty."""
        ...

    def model(self, estimator: Any) -> Model:
        """Keep what is needed of a fitted estimator."""
        ...

    def read(self, content: bytes, n_columns: int) -> Model:
        """Read `Model.content`; InputError if it is not a model of `n_columns` columns."""
        ...
