from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from flows.settings import load_settings
from flows.systems_settings import is_of_systems, load_systems
from tasks.vocabulary.errors import InputError

FILES = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
SYSTEMS = [path for path in FILES if is_of_systems(path)]
CONFIGS = [path for path in FILES if path not in SYSTEMS]
SMALLEST: dict[str, Any] = {
    "line": "boards",
    "title": "Boards",
    "source": {"kind": "folder", "path": "images"},
    "photograph": {"height_px": 64, "width_px": 64, "channels": 1},
    "alignment": {"kind": "none", "side_px": 64},
    "perception": {"kind": "pixels"},
    "reconstruction": {"kind": "mean_image"},
    "classification": {"members": [{"kind": "constant_score"}]},
}


def written(folder: Path, content: Any) -> Path:
    path = folder / "line.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_there_are_configurations_to_load() -> None:
    assert CONFIGS
    assert SYSTEMS


@pytest.mark.parametrize("config", SYSTEMS, ids=lambda path: path.stem)
def test_systems_that_are_compared_share_all_but_the_system_and_its_size(config: Path) -> None:
    for images in load_systems(config).sets:
        lines = [load_settings(config.parent / system.config) for system in images.systems]
        assert len({line.line for line in lines}) == len(lines)
        shared = {
            repr((line.store, line.source, line.photograph, line.roles))
            + repr(line.alignment.model_copy(update={"side_px": 0}))
            + repr((line.perception, line.candidates, line.memory, line.classification))
            + repr((line.evaluation, line.confounds, line.certification))
            for line in lines
        }
        assert len(shared) == 1


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_loads(config: Path) -> None:
    settings = load_settings(config)
    assert settings.image_shape_CHW[0] == settings.photograph.channels
    assert settings.roles.validation < settings.roles.reconstruction


def test_the_smallest_configuration_has_the_papers_sizes_as_defaults(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, SMALLEST))
    assert (settings.roles.reconstruction, settings.roles.mask) == (360, 30)
    assert settings.image_shape_CHW == (1, 64, 64)
    assert settings.store.is_absolute()


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, SMALLEST))
    with pytest.raises(ValidationError):
        settings.line = "other"  # type: ignore[misc]  # what is tested


@pytest.mark.parametrize(
    ("place", "key"),
    [((), "storr"), (("roles",), "masks"), (("reconstruction",), "stepz"), (("dask",), "worker")],
)
def test_an_unknown_key_is_refused_by_its_name(
    tmp_path: Path, place: tuple[str, ...], key: str
) -> None:
    content: dict[str, Any] = {name: dict(value) if isinstance(value, dict) else value
                               for name, value in SMALLEST.items()}  # fmt: skip
    target = content
    for part in place:
        target = target.setdefault(part, {})
    target[key] = 3
    with pytest.raises(InputError) as raised:
        load_settings(written(tmp_path, content))
    assert ".".join((*place, key)) in raised.value.what.replace(".mean_image", "")
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"line": "two words"}, "line"),
        ({"photograph": {"height_px": 0, "width_px": 1, "channels": 2}}, "photograph.channels"),
        ({"reconstruction": {"kind": "magic"}}, "reconstruction"),
        ({"roles": {"reconstruction": 5, "validation": 5}}, "validation=5 takes all"),
        ({"candidates": {"pixels": 1, "sizes": 1, "kept": 99}}, "kept=99"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as raised:
        load_settings(written(tmp_path, SMALLEST | changed))
    assert named in raised.value.what


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    content = {name: value for name, value in SMALLEST.items() if name != "photograph"}
    with pytest.raises(InputError, match="photograph: Field required"):
        load_settings(written(tmp_path, content))


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_settings(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        load_settings(tmp_path)


@pytest.mark.parametrize("text", ["a: [1, 2", "\tline: x", "a: b: c"])
def test_not_yaml(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="is not valid YAML"):
        load_settings(written(tmp_path, text))


def test_not_text(tmp_path: Path) -> None:
    path = tmp_path / "line.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01" * 9)
    with pytest.raises(InputError, match="is not valid YAML"):
        load_settings(path)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_no_mapping(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="is not a mapping"):
        load_settings(written(tmp_path, text))


def test_yaml_cannot_run_code(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not valid YAML"):
        load_settings(written(tmp_path, "line: !!python/object/apply:os.getcwd []"))
