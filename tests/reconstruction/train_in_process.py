"""Run one tiny training as a process of its own: `python -m ... WORKPLACE RESULT [field=json ...]`.

Prints one line a step, so that a test can kill it at a known moment.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch

from tasks.perception.backbone import build_perception
from tasks.perception.settings import PixelsSettings
from tasks.reconstruction.persistence import save_reconstructor
from tasks.reconstruction.training import train
from tests.reconstruction.test_anogan import tiny as tiny_anogan
from tests.reconstruction.tiny import gratings, tiny_settings


def main(workplace: Path, result: Path, *changes: str) -> None:
    torch.set_num_threads(1)
    fields = {name: json.loads(value) for name, value in (change.split("=") for change in changes)}
    images = gratings(10)
    member = tiny_anogan if fields.pop("kind", "vqgan") == "anogan" else tiny_settings
    trained = train(
        member(**fields),
        images[:8],
        images[8:],
        lambda: build_perception(PixelsSettings()),
        workplace,
        lambda step: print(step.step, step.pixel_loss, flush=True),
    )
    rank = os.environ.get("RANK", "0")  # set by torchrun
    save_reconstructor(trained.reconstructor, result.with_suffix(f".{rank}.safetensors"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
