"""Names made from content: of settings, of files, of arrays and of the code itself.

All are SHA-256 in 64 hexadecimal digits. An entry under a fingerprint never changes; changed
settings, data or code give another fingerprint and hence another entry.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import InvalidEntryError, NotFoundError


def fingerprint(value: object) -> str:
    """Digest of the canonical JSON of settings-like data: the same content, the same name.

    Keys of a mapping are strings and their order does not matter; a tuple equals the list, a path
    its string, a numpy scalar its Python number. Kept apart: `1`, `1.0` and `True`, `0.0` and
    `-0.0`, `None` and an absent key. NaN and infinities are allowed. Anything else (sets, bytes,
    arrays, objects) raises InvalidEntryError: an address or an arbitrary order must not get in.
    """
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return content_digest(text.encode("ascii"))


def content_digest(content: bytes | bytearray | memoryview) -> str:
    """Digest of the bytes of a file."""
    return hashlib.sha256(content).hexdigest()


def array_digest(array: NDArray[Any]) -> str:
    """Digest of an array's dtype, shape and values, whatever its memory layout and byte order.

    NaN are compared by their bits. An array of objects raises InvalidEntryError.
    """
    if array.dtype.hasobject:
        raise InvalidEntryError("An array of objects has no digest.", "Give it a numeric dtype.")
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{plain.dtype.str}{array.shape}".encode("ascii"))
    digest.update(plain.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def code_digest(*package_names: str) -> str:
    """Digest of the syntax of all modules of these packages, without docstrings and comments.

    Changed code gives another digest, an edited comment, docstring or line break does not. Nothing
    is imported. The files are found where the import system would find them; a package that is not
    there raises NotFoundError. Files other than `*.py` do not count.
    """
    modules = {}
    for name in package_names:
        source = _source_of(name)
        if source.is_file():
            modules[name] = _bare_code(source)
            continue
        for path in sorted(source.rglob("*.py")):
            modules[f"{name}/{path.relative_to(source).as_posix()}"] = _bare_code(path)
    return fingerprint(modules)


def _canonical(value: object) -> object:
    match value:
        case None | bool():
            return value
        case np.generic() if value.dtype.kind in "biufU":
            return _canonical(value.item())
        # Plain types: a subclass (an enumeration, say) must not bring its own representation.
        case int():
            return int(value)
        case float():
            return float(value)
        case str():
            return str.__str__(value)
        case PurePath():
            return str(value)
        case list() | tuple():
            return [_canonical(item) for item in value]
        case Mapping():
            return {_key(key): _canonical(item) for key, item in value.items()}
        case _:
            raise InvalidEntryError(
                f"A {type(value).__name__} has no fingerprint.",
                "Give plain data: mappings, lists, strings, numbers, paths, None.",
            )


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise InvalidEntryError(
            f"The key {key!r} of a mapping is no string.", "Use strings as keys."
        )
    return str.__str__(key)


def _source_of(package_name: str) -> Path:
    """Folder of a package or the file of a module.

    Only the top-level name goes through `find_spec`: for a dotted name it would import the parent.
    """
    top, *inner = package_name.split(".")
    spec = importlib.util.find_spec(top)
    if spec is not None and spec.submodule_search_locations:
        for location in spec.submodule_search_locations:
            folder = Path(location).joinpath(*inner)
            for found in (folder, folder.with_name(f"{folder.name}.py")):
                if found.exists():
                    return found
    elif spec is not None and spec.origin and not inner and spec.origin.endswith(".py"):
        return Path(spec.origin)
    raise NotFoundError(f"There is no Python package {package_name!r}.", "Correct the name.")


def _bare_code(path: Path) -> str:
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
            # A body of a docstring alone and one of `pass` are the same code.
            if not node.body and not isinstance(node, ast.Module):
                node.body = [ast.Pass()]
    # Source text, not ast.dump: its format changes between Python versions, this one hardly.
    return ast.unparse(tree)
