"""A noun must work where no orchestration and no storage is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
_PROGRAM = """
import importlib, pkgutil, sys
from importlib.abc import MetaPathFinder

FORBIDDEN = {"prefect", "dask", "distributed", "zarr", "obstore", "storage", "flows"}

class Unimportable(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FORBIDDEN:
            raise ImportError(f"{name} is not for nouns")
        return None

sys.meta_path.insert(0, Unimportable())
try:
    import prefect
except ImportError:
    pass
else:
    sys.exit("the test itself is broken: prefect can be imported")

import tasks

rooms = [room.name for room in pkgutil.iter_modules(tasks.__path__) if room.ispkg]
for room in rooms:
    package = importlib.import_module(f"tasks.{room}")
    for module in pkgutil.walk_packages(package.__path__, f"tasks.{room}."):
        importlib.import_module(module.name)
        print(module.name)
"""


@pytest.mark.slow
def test_every_noun_imports_without_orchestration_and_storage() -> None:
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    files = (REPOSITORY / "tasks").glob("*/*.py")
    expected = {f"tasks.{file.parent.name}.{file.stem}" for file in files if file.stem[0] != "_"}
    assert imported >= expected
    assert len(expected) > 50
