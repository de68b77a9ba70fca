"""`python -m tests.benchmarks.copy_through [render | measure] --boards FILE --json FILE`.

`render` draws the boards and needs the installed product; `measure` trains and needs only torch, numpy,
pydantic, safetensors and OpenCV, so that it can run on another machine. Without either: both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch

from tasks.perception.settings import EfficientNetLite0Settings, PixelsSettings
from tasks.reconstruction.steps import FeatureMaps
from tasks.vocabulary.arrays import UInt8Array
from tests.benchmarks.copy_through.boards import (
    Boards,
    Counts,
    read_boards,
    write_boards,
)
from tests.benchmarks.copy_through.figures import Redrawn, figures, picture
from tests.benchmarks.copy_through.variants import (
    VARIANTS,
    available_device,
    redrawn,
    settings_of,
    trained,
)

CONFIGURATION = Path("configs/pcba-synthetic.yaml")
SHOWN = (
    "psnr_normals_db",
    "copy_through",
    "floor",
    "transmitted",
    "contrast",
    "auroc",
    "weighted",
    "paired",
)


def render(arguments: argparse.Namespace) -> None:
    """Render the boards and put the product line's settings beside them."""
    # Not on a machine that only measures.
    import yaml

    from tests.benchmarks.copy_through.rendering import render_boards

    line = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    counts = Counts(
        arguments.training,
        arguments.validation,
        arguments.normals,
        arguments.defective,
        arguments.side_px,
        not arguments.unaligned,
    )
    boards = render_boards(counts, line["reconstruction"], os.cpu_count() or 1)
    write_boards(arguments.boards, boards)
    size = arguments.boards.stat().st_size / 2**20
    print(f"Boards  {arguments.boards}  {size:.1f} MiB", flush=True)


def measure(arguments: argparse.Namespace) -> None:
    """Train every variant with every seed; the record grows by one run at a time."""
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    boards = read_boards(arguments.boards)
    device = available_device(arguments.device)
    perception_kind, perception = chosen_perception(arguments.perception)
    record = circumstances(arguments, boards, device, perception_kind)
    samples: dict[str, UInt8Array] = {}
    print("  ".join(["variant".ljust(20), "seed", *SHOWN, "seconds"]), flush=True)
    for seed in range(arguments.seeds):
        for variant in arguments.only.split(","):
            started = perf_counter()
            settings = settings_of(
                variant, boards.settings, arguments.steps, arguments.batch_size, seed, device
            )
            images = redrawn(trained(settings, boards, perception), boards)
            run = {"variant": variant, "seed": seed, **figures(boards, images)}
            run["seconds"] = perf_counter() - started
            record["runs"].append(run)
            tell(run)
            write(arguments.json, record)
            if seed == 0:
                samples[variant] = sample(images, boards)
                write_picture(arguments.json.with_suffix(".png"), boards, samples)


def tell(run: dict[str, Any]) -> None:
    """Print one run's line."""
    values = [f"{run[name]:.3f}".rjust(len(name)) for name in SHOWN]
    line = [run["variant"].ljust(20), f"{run['seed']:4d}", *values, f"{run['seconds']:7.1f}"]
    print("  ".join(line), flush=True)


def chosen_perception(kind: str) -> tuple[str, Callable[[], FeatureMaps]]:
    """The perceptual loss's network; pixels, a mean squared error, where it is not installed."""
    from tasks.perception.backbone import build_perception

    try:
        made = build_perception(
            PixelsSettings() if kind == "pixels" else EfficientNetLite0Settings()
        )
    except ImportError:
        made, kind = build_perception(PixelsSettings()), "pixels"
    return kind, lambda: made


def circumstances(
    arguments: argparse.Namespace, boards: Boards, device: str, perception: str
) -> dict[str, Any]:
    """What was measured, on what, with what."""
    parts = {name: len(getattr(boards, f"{name}_NHWC")) for name in ("training", "normals")}
    name = torch.cuda.get_device_name() if device.startswith("cuda") else platform.machine()
    return {
        "boards": {
            **parts,
            "defective": len(boards.defective_DHWC),
            "side_px": boards.training_NHWC.shape[1],
            "mask_px_median": float(np.median(boards.masks_DHW.sum(axis=(1, 2)))),
        },
        "settings": {
            **boards.settings,
            "steps": arguments.steps,
            "batch_size": arguments.batch_size,
        },
        "perception": perception,
        "variants": {variant: VARIANTS[variant] for variant in arguments.only.split(",")},
        "device": name,
        "torch": torch.__version__,
        "runs": [],
    }


def sample(images: Redrawn, boards: Boards) -> UInt8Array:
    """Reconstructions `[K, H, W, C]` of the first defective board of every kind."""
    count = min(len(set(boards.kinds_D)), len(boards.defective_DHWC))
    return np.rint(images.defective_DHWC[:count] * 255).astype(np.uint8)


def write_picture(place: Path, boards: Boards, samples: dict[str, UInt8Array]) -> None:
    """A row for each kind of defect: the clean twin, the board, then every variant's reconstruction.

    Each shows the surroundings of the defect, four times as large.
    """
    count = len(next(iter(samples.values())))
    rows = []
    for number in range(count):
        columns = [boards.twins_DHWC, boards.defective_DHWC, *samples.values()]
        rows.append(tuple(cut_out(boards, number, images[number]) for images in columns))
    place.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(place), np.ascontiguousarray(picture(rows)[..., ::-1]))


def cut_out(boards: Boards, number: int, image_HWC: UInt8Array, reach_px: int = 24) -> UInt8Array:
    """A window of twice `reach_px` about the defect's middle, four times as large, with a margin."""
    rows, columns = np.nonzero(boards.masks_DHW[number])
    height, width = image_HWC.shape[:2]
    top = int(np.clip(np.median(rows) - reach_px, 0, height - 2 * reach_px))
    left = int(np.clip(np.median(columns) - reach_px, 0, width - 2 * reach_px))
    part_HWC = image_HWC[top : top + 2 * reach_px, left : left + 2 * reach_px]
    large_HWC = part_HWC.repeat(4, axis=0).repeat(4, axis=1)
    return np.pad(large_HWC, ((2, 2), (2, 2), (0, 0)), constant_values=255)


def write(place: Path, record: dict[str, Any]) -> None:
    """Replace the record: a reader sees the old or the new one, never a half."""
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_name(f"{place.name}.part")
    half.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    half.replace(place)


def parser() -> argparse.ArgumentParser:
    """The command line: argparse, for the machine that only measures has no typer."""
    made = argparse.ArgumentParser("python -m tests.benchmarks.copy_through")
    made.add_argument("phase", nargs="?", choices=("render", "measure"), help="default: both")
    made.add_argument("--boards", type=Path, default=Path("build/copy-through.npz"))
    made.add_argument("--json", type=Path, default=Path("build/copy-through.json"))
    made.add_argument("--only", default=",".join(VARIANTS), help="variants, separated by commas")
    made.add_argument("--steps", type=int, default=2000)
    made.add_argument("--batch-size", type=int, default=4)
    made.add_argument("--seeds", type=int, default=1)
    made.add_argument("--device", default="auto")
    made.add_argument("--threads", type=int, default=0, help="of the CPU; 0 = torch's own choice")
    made.add_argument("--perception", choices=("efficientnet_lite0", "pixels"), default="pixels")
    defaults = Counts()
    for name in ("training", "validation", "normals", "defective", "side_px"):
        flag = f"--{name.replace('_', '-')}"
        made.add_argument(flag, type=int, default=getattr(defaults, name))
    made.add_argument("--unaligned", action="store_true", help="boards as they lie, unregistered")
    return made


def main() -> None:
    """Render, measure, or both."""
    arguments = parser().parse_args()
    if unknown := sorted(set(arguments.only.split(",")) - set(VARIANTS)):
        parser().error(f"{', '.join(unknown)}: choose of {', '.join(VARIANTS)}")
    if arguments.phase != "measure":
        render(arguments)
    if arguments.phase != "render":
        measure(arguments)


if __name__ == "__main__":
    main()
