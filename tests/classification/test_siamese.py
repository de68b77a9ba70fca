"""The network of the learnt distance: what is trained, what it sums up to, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from tasks.classification.criteria import figure_of
from tasks.classification.network_settings import NetworkSettings
from tasks.classification.siamese import SiameseNetwork, fitted_network, shape_of
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

CHANNELS, SIDE = 3, 4
SETTINGS = NetworkSettings(filters=8, epochs=25, batch_size=8, learning_rate=1e-2)
LABELS = np.tile([0, 1], 20).astype(np.int64)


def columns(sides: int) -> list[str]:
    return [
        f"{side}/{channel}/{row}/{column}"
        for side in ("input", "reconstruction")[:sides]
        for channel in range(CHANNELS)
        for row in range(SIDE)
        for column in range(SIDE)
    ]


def table(sides: int, labels_N: Int64Array = LABELS, seed: int = 0) -> Float64Array:
    """Noise; a defect lifts one channel of the input at one place, never of the reconstruction."""
    generator = np.random.default_rng(seed)
    maps = generator.normal(5.0, 0.1, (len(labels_N), sides, CHANNELS, SIDE, SIDE))
    maps[labels_N == 1, 0, 1, 1, 2] += 5.0
    return maps.reshape(len(labels_N), -1)


def test_every_trained_layer_learns_from_both_sides_and_nothing_else_learns() -> None:
    network = SiameseNetwork((2, CHANNELS, SIDE, SIDE), SETTINGS, seed=0)
    maps = torch.randn(4, 2, CHANNELS, SIDE, SIDE, requires_grad=True)
    network(maps).sum().backward()

    assert {name for name, _ in network.named_parameters()} == {
        "layers.0.weight",
        "layers.0.bias",
        "decision.weight",
        "decision.bias",
    }
    assert all(one.grad is not None and one.grad.any() for one in network.parameters())
    assert maps.grad is not None
    for side in range(2):
        assert maps.grad[:, side].any()
    # The frozen trunk is not in the network: its part is numbers, its scaling is no parameter.
    assert {name for name, _ in network.named_buffers()} == {"centre_C11", "scale_C11"}


def test_the_frozen_scaling_is_that_of_the_training_part() -> None:
    given = table(2)
    fitted = fitted_network(SETTINGS, given, LABELS, columns(2), seed=0)
    maps = given.reshape(-1, 2, CHANNELS, SIDE * SIDE)

    expected = maps.mean(axis=(0, 1, 3)), maps.std(axis=(0, 1, 3))
    assert_allclose(fitted.network.centre_C11[:, 0, 0], expected[0], rtol=1e-5)
    assert_allclose(fitted.network.scale_C11[:, 0, 0], expected[1], rtol=1e-5)


def test_both_sides_go_through_the_same_layers() -> None:
    network = SiameseNetwork((2, CHANNELS, SIDE, SIDE), SETTINGS, seed=0)
    maps = torch.randn(3, 2, CHANNELS, SIDE, SIDE)

    assert torch.equal(network.maps(maps.flip(1)), network.maps(maps).flip(1))


def test_swapped_sides_count_through_the_order_of_the_concatenation_only() -> None:
    network = SiameseNetwork((2, CHANNELS, SIDE, SIDE), SETTINGS, seed=0)
    maps = torch.randn(3, 2, CHANNELS, SIDE, SIDE)
    straight, swapped = network(maps), network(maps.flip(1))
    weight = network.decision.weight
    halves = weight.reshape(2, -1).flip(0).reshape(weight.shape)
    with torch.no_grad():
        weight.copy_(halves)

    assert not torch.allclose(straight, swapped)
    torch.testing.assert_close(network(maps.flip(1)), straight)


@pytest.mark.parametrize("sides", [1, 2])
def test_it_finds_a_defect_that_it_was_not_trained_on(sides: int) -> None:
    fitted = fitted_network(SETTINGS, table(sides), LABELS, columns(sides), seed=0)
    scores_N = fitted.score(table(sides, seed=1))

    # 40 images are few for so many weights: most, not all, are told apart.
    assert figure_of(scores_N, LABELS, "auroc") > 0.9
    assert ((scores_N > 0.5) == (LABELS == 1)).mean() > 0.85


@pytest.mark.parametrize("sides", [1, 2])
def test_the_activations_add_up_to_the_logit(sides: int) -> None:
    fitted = fitted_network(SETTINGS, table(sides), LABELS, columns(sides), seed=0)
    bias = fitted.network.decision.bias.item()
    for row_K in table(sides, seed=1)[:6]:
        summed = fitted.activation(row_K).mean(axis=(1, 2)).sum() + bias
        assert summed == pytest.approx(fitted.logit(row_K), abs=1e-5)
        probability = 1.0 / (1.0 + np.exp(-fitted.logit(row_K)))
        assert fitted.score(row_K[None])[0] == pytest.approx(probability, abs=1e-9)


def test_the_saliency_is_highest_at_the_defect() -> None:
    settings = SETTINGS.model_copy(update={"kernel_px": 1})
    fitted = fitted_network(settings, table(2), LABELS, columns(2), seed=0)
    saliency_HW = fitted.saliency(table(2, seed=1)[1], 8 * SIDE, 8 * SIDE)

    assert saliency_HW.shape == (8 * SIDE, 8 * SIDE)
    row, column = np.unravel_index(saliency_HW.argmax(), saliency_HW.shape)
    assert (int(row) // 8, int(column) // 8) == (1, 2)


def test_the_seed_decides_and_no_global_generator() -> None:
    first = fitted_network(SETTINGS, table(2), LABELS, columns(2), seed=3)
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    again = fitted_network(SETTINGS, table(2), LABELS, columns(2), seed=3)
    other = fitted_network(SETTINGS, table(2), LABELS, columns(2), seed=4)

    assert torch.equal(torch.random.get_rng_state(), before)
    assert again.fingerprint == first.fingerprint != other.fingerprint
    assert_array_equal(again.score(table(2)), first.score(table(2)))


def test_a_score_does_not_depend_on_the_images_beside_it() -> None:
    fitted = fitted_network(SETTINGS, table(2), LABELS, columns(2), seed=0)
    every = table(2, seed=1)

    assert_array_equal(fitted.score(every)[[7]], fitted.score(every[[7]]))
    assert fitted.score(every[:0]).shape == (0,)


def test_constant_images_have_finite_scores_and_activations() -> None:
    flat = np.full((LABELS.size, len(columns(2))), 7.0)
    fitted = fitted_network(SETTINGS, flat, LABELS, columns(2), seed=0)

    assert np.isfinite(fitted.score(flat)).all()
    assert np.isfinite(fitted.saliency(flat[0], 16, 16)).all()


def test_weight_decay_makes_smaller_weights() -> None:
    free, held = (
        fitted_network(
            SETTINGS.model_copy(update={"weight_decay": decay}), table(2), LABELS, columns(2), 0
        )
        for decay in (0.0, 10.0)
    )
    assert held.network.layers[0].weight.norm() < free.network.layers[0].weight.norm()  # type: ignore[operator]


@pytest.mark.parametrize(("label", "missing"), [(0, "no defect"), (1, "no normal image")])
def test_a_single_class_is_refused_with_what_to_do(label: int, missing: str) -> None:
    with pytest.raises(InputError, match=missing) as raised:
        fitted_network(SETTINGS, table(2), np.full_like(LABELS, label), columns(2), seed=0)
    assert "Label some of both classes" in str(raised.value)


def test_columns_tell_the_shape_or_are_refused() -> None:
    assert shape_of(columns(2)) == (2, CHANNELS, SIDE, SIDE)
    assert shape_of(columns(1)) == (1, CHANNELS, SIDE, SIDE)
    for broken in ([], ["distance"], ["a/0", "a/1"], columns(2)[:-1], columns(2)[1:]):
        with pytest.raises(InputError, match="no maps of a trunk"):
            shape_of(broken)


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        NetworkSettings(kernel_px=2)
