"""The crossing of two normal densities against quadrature, and where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from tasks.certification.crossing import NormalDensity, density_crossing, fitted_density
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

CASES = [
    (NormalDensity(0.0, 1.0), NormalDensity(3.0, 1.0)),
    (NormalDensity(0.0, 1.0), NormalDensity(2.0, 2.5)),
    (NormalDensity(1.0, 0.4), NormalDensity(1.5, 0.1)),
    (NormalDensity(-5.0, 3.0), NormalDensity(4.0, 0.2)),
    (NormalDensity(950.0, 30.0), NormalDensity(1020.0, 60.0)),
]
cases = pytest.mark.parametrize(("normal", "abnormal"), CASES)


def pdf(density: NormalDensity, score: float) -> float:
    return float(norm.pdf(score, density.mean, density.deviation))


def errors(normal: NormalDensity, abnormal: NormalDensity, cut: float) -> float:
    """Normals above the cut and abnormals below it, by quadrature over twelve deviations."""

    def integral(density: NormalDensity, low: float, high: float) -> float:
        start = max(low, density.mean - 12 * density.deviation)
        end = min(high, density.mean + 12 * density.deviation)
        if end <= start:
            return 0.0
        middle = [density.mean] if start < density.mean < end else None
        return float(quad(lambda x: pdf(density, x), start, end, points=middle)[0])

    return integral(normal, cut, math.inf) + integral(abnormal, -math.inf, cut)


@cases
def test_densities_are_equal_there(normal: NormalDensity, abnormal: NormalDensity) -> None:
    cut = density_crossing(normal, abnormal)
    assert normal.mean < cut < abnormal.mean
    assert pdf(normal, cut) == pytest.approx(pdf(abnormal, cut), rel=1e-9)


@cases
def test_no_other_cut_makes_fewer_errors(normal: NormalDensity, abnormal: NormalDensity) -> None:
    cut = density_crossing(normal, abnormal)
    least = errors(normal, abnormal, cut)
    reach = 6 * max(normal.deviation, abnormal.deviation)
    others = np.linspace(normal.mean - reach, abnormal.mean + reach, 61)
    assert all(errors(normal, abnormal, float(other)) >= least - 1e-9 for other in others)
    best = minimize_scalar(
        lambda x: errors(normal, abnormal, x),
        bounds=(normal.mean, abnormal.mean),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert cut == pytest.approx(best.x, abs=1e-3 * (abnormal.mean - normal.mean))


def test_equal_deviations_cross_in_the_middle_and_nearly_equal_ones_nearly_there() -> None:
    normal = NormalDensity(1.0, 0.3)
    assert density_crossing(normal, NormalDensity(2.0, 0.3)) == pytest.approx(1.5, abs=1e-12)
    near = density_crossing(normal, NormalDensity(2.0, 0.3 * (1 + 1e-12)))
    assert near == pytest.approx(1.5, abs=1e-9)


@given(
    st.floats(-100, 100),
    st.floats(0.01, 100),
    st.floats(0.01, 100),
    st.floats(0.01, 100),
    st.integers(-5, 5),
)
def test_it_follows_a_change_of_units(
    mean: float, distance: float, first: float, second: float, power: int
) -> None:
    normal, abnormal = NormalDensity(mean, first), NormalDensity(mean + distance, second)
    try:
        cut = density_crossing(normal, abnormal)
    except NoSafeThresholdError:
        assume(False)
    assert normal.mean <= cut <= abnormal.mean
    unit = 2.0**power  # exact, so that what crosses here crosses there
    scaled = density_crossing(
        NormalDensity(unit * normal.mean, unit * first),
        NormalDensity(unit * abnormal.mean, unit * second),
    )
    assert scaled == pytest.approx(unit * cut, rel=1e-6, abs=1e-6 * unit)


@pytest.mark.parametrize(
    ("normal", "abnormal"),
    [
        (NormalDensity(1.0, 1.0), NormalDensity(0.0, 1.0)),
        (NormalDensity(1.0, 1.0), NormalDensity(1.0, 2.0)),
        (NormalDensity(0.0, 1.0), NormalDensity(0.5, 9.0)),
        (NormalDensity(0.0, 9.0), NormalDensity(0.5, 1.0)),
    ],
    ids=["lower", "same mean", "normals inside", "abnormals inside"],
)
def test_no_crossing_between_the_means_is_said(
    normal: NormalDensity, abnormal: NormalDensity
) -> None:
    with pytest.raises(NoSafeThresholdError, match="separates the classes better"):
        density_crossing(normal, abnormal)


@pytest.mark.parametrize(
    "density", [NormalDensity(0.0, 0.0), NormalDensity(math.nan, 1.0), NormalDensity(0.0, math.inf)]
)
def test_what_is_no_density_is_refused(density: NormalDensity) -> None:
    with pytest.raises(InputError, match="finite"):
        density_crossing(density, NormalDensity(1.0, 1.0))
    with pytest.raises(InputError, match="finite"):
        density_crossing(NormalDensity(-1.0, 1.0), density)


def test_a_density_is_fitted_by_maximum_likelihood() -> None:
    scores_N = np.random.default_rng(0).normal(3.0, 0.5, 200)
    assert fitted_density(scores_N) == pytest.approx(norm.fit(scores_N))


@pytest.mark.parametrize("scores", [[], [1.0], [0.1] * 7, [1.0, math.nan], [1.0, math.inf]])
def test_scores_without_a_density_are_refused(scores: list[float]) -> None:
    with pytest.raises(InputError):
        fitted_density(np.array(scores))
