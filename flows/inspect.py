"""The inspection flow: the line's champion, frozen, over new images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import flow, get_run_logger

from flows import plan
from flows.artifacts import ArtifactProgress
from flows.cluster import workers_of
from flows.dead_runs import begun
from flows.run_names import named
from flows.settings import load_settings
from flows.suspended import certificate_words, passes_none
from storage.stores import Stores
from tasks.bundles import champion_key, read_bundle
from tasks.inspect import inspect_images
from tasks.jobs import Verdict
from tasks.progress import listening
from tasks.vocabulary.errors import InputError

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


@flow(name="inspect", flow_run_name=named("inspect"), validate_parameters=False, on_running=[begun])
def inspect(config: Path, paths: Sequence[Path], folder: Path) -> list[Verdict]:
    """A verdict, a score and candidates for every image of `paths`; directories are searched.

    While the champion's certificate is suspended (`flows.drift`) every board is flagged, unless the line's
    settings say otherwise.

    Raises `InputError` for a path that does not exist or holds no image, `NotFoundError` where the
    line has no champion yet, and `InputError` where it was certified with other code than today's.
    """
    settings = load_settings(config)
    found = images_of(paths)
    stores = Stores(settings.store)
    key = champion_key(stores, settings.line)
    bundle = read_bundle(stores, key)
    plan.refuse_other_code(bundle)
    held = stores.suspensions(settings.line).suspended(key)
    if held is not None:
        get_run_logger().warning(certificate_words(held))
    none = passes_none(held, settings.drift.on_red)
    needed = settings.dask.workers_for(len(found))
    with (
        workers_of(settings.dask, needed) as workers,
        listening(ArtifactProgress(settings.line)),
    ):
        return inspect_images(stores, bundle, key, found, folder, workers, none)


def images_of(paths: Sequence[Path]) -> list[Path]:
    """The files themselves and the images beneath directories, each once, in the order given."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            beneath = sorted(p for p in path.rglob("*") if _is_image(p))
            if not beneath:
                raise InputError(f"{path} holds no image.", "Name images or a directory of images.")
            found.update(dict.fromkeys(beneath))
        elif path.is_file():
            found[path] = None
        else:
            raise InputError(
                f"{path} does not exist or is no regular file.",
                "Name images or a directory of images.",
            )
    return list(found)


def _is_image(path: Path) -> bool:
    """By its name; a dangling link counts, so that it is flagged rather than left out."""
    return path.suffix.lower() in _SUFFIXES and (path.is_file() or path.is_symlink())
