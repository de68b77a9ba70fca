"""Which image serves what: disjoint roles, the same for the same images, order of files irrelevant."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from tasks.archive.settings import RoleSettings
from tasks.archive.sources import Label
from tasks.vocabulary.errors import InputError, NoSafeThresholdError


class Role(StrEnum):
    """What an image is used for; no image has two roles."""

    RECONSTRUCTION = "reconstruction"
    VALIDATION = "validation"
    MASK = "mask"
    DEVELOPMENT = "development"
    CERTIFICATION = "certification"
    UNDECIDED = "undecided"


def assign_roles(
    labels: Mapping[str, Label], settings: RoleSettings, known: Mapping[str, tuple[str, Role]]
) -> dict[str, Role]:
    """A role for every image id; one that has a role in `known`, under the same label, keeps it.

    Within a class, images are ordered by a hash of seed and id, and the roles are filled in the order
    of `Role`; certification takes the rest. Raises `InputError` where a role stays empty or short, and
    `NoSafeThresholdError` where there is no abnormal image: without one no threshold is safe.
    """
    # A relabelled image starts anew: an abnormal one must not stay in the reconstruction role.
    roles = {name: role for name, (label, role) in known.items() if labels.get(name) == label}
    for label, wanted in _wanted(settings).items():
        waiting = [name for name in _shuffled(labels, label, settings.seed) if name not in roles]
        for role, count in wanted.items():
            has = sum(1 for name, r in roles.items() if r is role and labels[name] == label)
            taken, waiting = waiting[: max(0, count - has)], waiting[max(0, count - has) :]
            roles.update(dict.fromkeys(taken, role))
        roles.update(dict.fromkeys(waiting, Role.CERTIFICATION))
    roles.update({name: Role.UNDECIDED for name, label in labels.items() if label == "undecided"})
    _refuse_short_roles(roles, labels, settings)
    return roles


def _wanted(settings: RoleSettings) -> dict[Label, dict[Role, int]]:
    return {
        "normal": {
            Role.RECONSTRUCTION: settings.reconstruction - settings.validation,
            Role.VALIDATION: settings.validation,
            Role.MASK: settings.mask,
            Role.DEVELOPMENT: settings.development.normal,
        },
        "abnormal": {Role.DEVELOPMENT: settings.development.abnormal},
    }


def _shuffled(labels: Mapping[str, Label], label: Label, seed: int) -> list[str]:
    members = (name for name, own in labels.items() if own == label)
    return sorted(members, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())


def _refuse_short_roles(
    roles: Mapping[str, Role], labels: Mapping[str, Label], settings: RoleSettings
) -> None:
    if "abnormal" not in labels.values():
        raise NoSafeThresholdError(
            "There is no abnormal image: without a known defect no threshold is safe.",
            "Add images of defective products (59 defects allow a claim of 5 %, 149 of 2 %).",
        )
    for label, wanted in _wanted(settings).items():
        # Who certifies nothing finds out here and not after a night of training.
        for role, count in {**wanted, Role.CERTIFICATION: 1}.items():
            has = sum(1 for name, own in roles.items() if own is role and labels[name] == label)
            if has < count:
                raise InputError(
                    f"The role {role} needs {count} {label} images and got {has}.",
                    f"Add {count - has} {label} images, or lower the sizes under roles.",
                )
