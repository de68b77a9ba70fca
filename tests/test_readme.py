"""The blocks of README.md run, in their order, as a newcomer would run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from flows.settings import LineSettings
from tasks.metrics.catalogue import catalogue_markdown

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)


def commands() -> list[str]:
    shell = [text for language, text in BLOCKS if language == "sh"]
    return [line for text in shell for line in text.splitlines() if line.strip()]


def test_the_first_two_commands_are_demo_and_test() -> None:
    assert commands()[:2] == ["make demo", "make test"]


def photograph(folder: Path, settings: dict[str, int], count: int, blob: bool) -> None:
    """Textured photographs; a blob is the defect."""
    folder.mkdir(parents=True)
    height, width = settings["height_px"], settings["width_px"]
    random = np.random.default_rng(int(blob))
    for number in range(count):
        pixels = 100 + random.normal(0, 8, (height, width))
        if blob:
            row, column = random.integers(20, height - 20), random.integers(20, width - 20)
            pixels[row - 15 : row + 15, column - 15 : column + 15] += 90
        picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        mode = "RGB" if settings["channels"] == 3 else "L"
        picture.convert(mode).save(folder / f"{number:04d}.png")


def test_every_other_setting_shown_fits_into_that_line() -> None:
    whole, *parts = [yaml.safe_load(text) for language, text in BLOCKS if language == "yaml"]
    assert len(parts) >= 2
    for part in parts:
        LineSettings.model_validate(whole | part)


def test_the_metrics_are_those_of_the_table() -> None:
    assert catalogue_markdown() in (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_own_images(tmp_path: Path, busy_environment: dict[str, str]) -> None:
    """The line of the README, on images made for it: every command after the first two."""
    text, *_ = [text for language, text in BLOCKS if language == "yaml"]
    line = yaml.safe_load(text)
    (tmp_path / "my-line.yaml").write_text(text)
    (scores,) = [text for language, text in BLOCKS if language == "csv"]
    (tmp_path / "scores.csv").write_text(scores)
    roles = line["roles"]
    normals = roles["reconstruction"] + roles["mask"] + roles["development"]["normal"] + 5
    images = tmp_path / line["source"]["path"]
    photograph(images / "good", line["photograph"], normals, blob=False)
    photograph(images / "defect", line["photograph"], roles["development"]["abnormal"] + 5, True)
    photograph(tmp_path / "new-boards", line["photograph"], 3, blob=True)
    environment = os.environ | {
        **busy_environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    for command in commands():
        if not command.startswith("make ") and "configs/" not in command and " ui" not in command:
            done = subprocess.run(
                command.split(), cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert json.loads((tmp_path / "certificate.json").read_text())["n_abnormal"] == 4
    verdicts = (tmp_path / "build/inspect/verdicts.jsonl").read_text().splitlines()
    assert len(verdicts) == 3
    assert all('"flagged"' in verdict for verdict in verdicts)
