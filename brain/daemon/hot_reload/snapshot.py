"""A version of the rooms that think as it was on disk at one moment, named by its content, and its compiled modules.

It runs no line of them. Imports of rooms that belong to the version are turned into relative ones, so that they stay
within it under whatever package name it is loaded; all other imports meet the one real ``brain``.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import CodeType
from typing import Final, final

from brain.base.errors import RejectedByGate
from brain.daemon.brain_version import ROOMS, version_of
from brain.daemon.hot_reload.overlay import FIXED

MEND: Final = "mend the file; the brain that served goes on serving"

_KEPT_OUTSIDE: Final = frozenset(name.removesuffix(".py").replace("/", ".") for name in FIXED)


@final
@dataclass(frozen=True)
class Snapshot:
    """Files by their path among the rooms; ``own`` names those that are the user's, with ``folder`` where they lie."""

    version: str
    files: Mapping[str, bytes]
    own: frozenset[str]
    shipped_folder: Path
    own_folder: Path

    def path(self, name: str) -> Path:
        """Where a file lies, for tracebacks."""
        return (self.own_folder if name in self.own else self.shipped_folder) / name


@final
@dataclass(frozen=True)
class Compiled:
    """The modules of a version by dotted name below its package ("sampling.policy"); ``paths`` name their files."""

    version: str
    codes: Mapping[str, CodeType]
    packages: frozenset[str]
    paths: Mapping[str, str]


def snapshot(
    shipped: Mapping[str, bytes], own: Mapping[str, bytes], shipped_folder: Path, own_folder: Path
) -> Snapshot:
    """The version that ``own`` files make of the ``shipped`` ones: they win file by file."""
    changed = frozenset(name for name, content in own.items() if shipped.get(name) != content)
    files = {**shipped, **own}
    return Snapshot(version_of(files), files, changed, shipped_folder, own_folder)


@final
class Compiler:
    """Compiles versions, each file's content once: what two versions share is compiled for the first alone.

    For one thread. Cost: about 3 ms a new file; it keeps the code of the newest version's files.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], CodeType] = {}

    def compile(self, taken: Snapshot) -> Compiled:
        """The modules of a version.

        Raises: RejectedByGate, naming file and line, for what is no Python and for imports that a version cannot have.
        """
        made: dict[tuple[str, bytes], CodeType] = {}
        codes: dict[str, CodeType] = {}
        packages: set[str] = set()
        paths: dict[str, str] = {}
        for name, content in sorted(taken.files.items()):
            if name in FIXED:
                continue
            path = str(taken.path(name))
            key = (path, hashlib.sha256(content).digest())
            made[key] = self._kept.get(key) or _compiled(name, content, path)
            module = _module(name)
            codes[module], paths[path] = made[key], name
            packages.update({module} if name.endswith("/__init__.py") else ())
        self._kept = made
        return Compiled(taken.version, codes, frozenset(packages | _without_init(codes)), paths)


def _module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _without_init(codes: Mapping[str, CodeType]) -> set[str]:
    """Folders that hold modules and have no ``__init__.py`` of their own."""
    parents = {parent for module in codes for parent in _parents(module)}
    return parents.difference(codes)


def _parents(module: str) -> Iterator[str]:
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def _compiled(name: str, content: bytes, path: str) -> CodeType:
    try:
        tree = ast.parse(content, path)
        return compile(_Within(name).visit(tree), path, "exec", dont_inherit=True, optimize=0)
    except SyntaxError as error:
        raise RejectedByGate(f"{name}:{error.lineno or 1}: {type(error).__name__}: {error.msg}", hint=MEND) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise RejectedByGate(f"{name}:1: {type(error).__name__}: {error}", hint=MEND) from None


@final
class _Within(ast.NodeTransformer):
    """Turns a file's imports of its own version's rooms into relative ones; lines stay where they are."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._depth = len(PurePosixPath(name).parts)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt]:
        """``from brain.sampling.policy import way_of`` and ``from brain import sampling``."""
        module = self._absolute(node)
        if module == "brain":
            return [self._one(node, alias) for alias in node.names]
        rest = module.removeprefix("brain.")
        if rest == module or not _inside(rest):
            return ast.copy_location(ast.ImportFrom(module, node.names, 0), node)
        return [self._within(node, rest, alias) for alias in node.names]

    def visit_Import(self, node: ast.Import) -> ast.AST | list[ast.stmt]:
        """``import brain.sampling.policy as policy``; without ``as`` it would give the whole real brain."""
        made: list[ast.stmt] = []
        for alias in node.names:
            head, _, rest = alias.name.partition(".")
            if head != "brain":
                made.append(ast.copy_location(ast.Import([alias]), node))
                continue
            if alias.asname is None:
                hint = f"write it as: from {alias.name.rpartition('.')[0] or 'brain.room'} import …"
                raise RejectedByGate(
                    f"{self._name}:{node.lineno}: import {alias.name} reaches past the version", hint=hint
                )
            room, _, last = rest.rpartition(".")
            level = self._depth if _inside(rest) else 0
            module = (room or None) if level else f"brain.{room}".rstrip(".")
            made.append(ast.copy_location(ast.ImportFrom(module, [ast.alias(last, alias.asname)], level), node))
        return [ast.fix_missing_locations(one) for one in made]

    def _absolute(self, node: ast.ImportFrom) -> str:
        """The module that is named, a relative one as if the file lay in the real brain."""
        if not node.level:
            return node.module or ""
        parts = ("brain", *PurePosixPath(self._name).parts)
        if node.level >= len(parts):
            where = f"{self._name}:{node.lineno}"
            raise RejectedByGate(f"{where}: the import leaves the brain", hint=MEND)
        return ".".join((*parts[: len(parts) - node.level], *([node.module] if node.module else [])))

    def _within(self, node: ast.ImportFrom, rest: str, alias: ast.alias) -> ast.stmt:
        outside = f"{rest}.{alias.name}" in _KEPT_OUTSIDE
        made = ast.ImportFrom(f"brain.{rest}" if outside else rest, [alias], 0 if outside else self._depth)
        return ast.copy_location(made, node)

    def _one(self, node: ast.ImportFrom, alias: ast.alias) -> ast.stmt:
        inside = alias.name in ROOMS
        made = ast.ImportFrom(None if inside else "brain", [alias], self._depth if inside else 0)
        return ast.copy_location(made, node)


def _inside(rest: str) -> bool:
    """Whether a dotted name below ``brain`` belongs to a version."""
    return rest.split(".", maxsplit=1)[0] in ROOMS and rest not in _KEPT_OUTSIDE
