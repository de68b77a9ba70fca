"""Parts of the labelled rows that a study fits on: some columns, fewer defects, without some images.

Whatever is left out, the outer folds stay those of the whole: testing parts are compared image by image.

Legend: N images, M metrics; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.classification.examples import Examples
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.honest_protocol import OuterJob
from tasks.vocabulary.arrays import Int64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class Part:
    """What of the labelled rows one outer fold may use; the default is everything.

    | field | meaning |
    | --- | --- |
    | `columns` | the metrics that are kept; None keeps all |
    | `defects` | so many defects of the training part are kept, all normals; None keeps all |
    | `draw` | which random choice of these defects; smaller counts are subsets of larger ones |
    | `without` | images (indices) that are neither learnt from nor tested |
    """

    columns: tuple[str, ...] | None = None
    defects: int | None = None
    draw: int = 0
    without: tuple[int, ...] = ()

    def of(self, examples: Examples, job: OuterJob) -> tuple[Examples, OuterJob]:
        """Narrow the rows and the fold.

        InputError for a metric that there is not, and where the training part has fewer defects.
        """
        left = np.asarray(self.without, dtype=np.int64)
        training, testing = (part[~np.isin(part, left)] for part in (job.training, job.testing))
        if self.defects is not None:
            seed = (self.draw, job.repeat, job.fold)
            training = with_fewer_defects(training, examples.labels, self.defects, seed)
        narrowed = examples if self.columns is None else with_columns(examples, self.columns)
        return narrowed, replace(job, training=training, testing=testing)


def with_columns(examples: Examples, columns: Sequence[str]) -> Examples:
    """Keep these metrics, in the order of the table; InputError for none and for unknown ones."""
    wanted = set(columns)
    if not wanted or not wanted <= set(examples.columns):
        unknown = ", ".join(sorted(wanted - set(examples.columns))) or "nothing"
        raise InputError(f"The metrics asked for: {unknown}.", "Ask for columns of the table.")
    kept = [at for at, name in enumerate(examples.columns) if name in wanted]
    names = tuple(examples.columns[at] for at in kept)
    return replace(examples, table=examples.table[:, kept], columns=names)


def with_fewer_defects(
    training: Int64Array, labels_N: Int64Array, count: int, seed: Sequence[int]
) -> Int64Array:
    """Keep all normals and `count` defects of a training part, drawn by `seed`; indices rise.

    A smaller count of the same seed draws a subset. InputError where there are fewer defects.
    """
    defects = np.sort(training[labels_N[training] == 1])
    if not 0 < count <= defects.size:
        raise InputError(
            f"{count} defects are asked for, a training part has {defects.size}.",
            "Ask for fewer, or label more.",
        )
    drawn = np.random.default_rng(tuple(seed)).permutation(defects)[:count]
    kept: Int64Array = np.sort(np.concatenate([training[labels_N[training] == 0], drawn]))
    return kept


def renumbered(trials: Sequence[FoldTrial], without: Sequence[int], images: int) -> list[FoldTrial]:
    """Count the images of trials as if those left out had never been: indices of what remains."""
    kept_N = np.ones(images, dtype=np.bool_)
    kept_N[list(without)] = False
    places = (np.cumsum(kept_N) - 1).tolist()
    return [
        replace(
            one,
            training=tuple(places[image] for image in one.training),
            testing=tuple(places[image] for image in one.testing),
        )
        for one in trials
    ]


def with_both_classes(
    trials: Sequence[FoldTrial], labels_N: Int64Array, without: Sequence[int]
) -> bool:
    """Whether each testing part keeps a normal and an abnormal image when these are left out."""
    left = set(without)
    return all(
        {int(labels_N[image]) for image in one.testing if image not in left} == {0, 1}
        for one in trials
    )
