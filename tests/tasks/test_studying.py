"""What is compared with what: families by their names, each alone, left out, and added."""

from __future__ import annotations

from tasks.studying import ablations, families_of


def test_families_are_those_of_the_audit_and_new_ones_go_by_their_first_word() -> None:
    columns = (
        "image.mse",
        "patch.ssim.sum",
        "masked.patch.ssim.sum",
        "sonar.mean",
        "image.fid",
        "bank.distance.8px.sum",
    )
    assert families_of(columns) == {
        "image": ("image.mse", "image.fid"),
        "candidates": ("patch.ssim.sum",),
        "mask": ("masked.patch.ssim.sum",),
        "sonar": ("sonar.mean",),
        "memory": ("bank.distance.8px.sum",),
    }


def test_each_family_alone_without_and_after_the_others() -> None:
    found = ablations(("a", "b", "c"))
    assert [(one.kind, one.families) for one in found] == [
        ("all", ("a", "b", "c")),
        ("only", ("a",)),
        ("only", ("b",)),
        ("only", ("c",)),
        ("without", ("b", "c")),
        ("without", ("a", "c")),
        ("without", ("a", "b")),
        ("adding", ("a",)),
        ("adding", ("a", "b")),
        ("adding", ("a", "b", "c")),
    ]
    assert len({one.name for one in found}) == len(found)
