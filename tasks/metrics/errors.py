"""Errors of the metrics room."""

from __future__ import annotations

from tasks.vocabulary.errors import NoAnswerError


class MetricWithoutValueError(NoAnswerError):
    """A metric has no finite value on one image; `metric` names it. The image goes to a person."""

    def __init__(self, metric: str) -> None:
        super().__init__(
            f"Metric {metric} has no finite value on this image.",
            "Look at the image by eye; check that image and reconstruction are finite.",
        )
        self.metric = metric

    def __reduce__(self) -> tuple[type[MetricWithoutValueError], tuple[str]]:
        """Pickle by the metric's name, which the constructor takes."""
        return type(self), (self.metric,)
