"""The tree as the tests of the house see it: the files that git would commit, and what Python files import."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = "brain/wire/aios/"


@cache
def files() -> tuple[str, ...]:
    """Every tracked or to-be-tracked file, as a path below the root; without git, every file outside of dot folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return tuple(name for name in sorted(set(listed.stdout.splitlines())) if (ROOT / name).is_file())
    skipped = {"target", "runs", "dist"}
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(sorted(str(p) for p in found if not p.parts[0].startswith(".") and p.parts[0] not in skipped))


def python(below: str) -> list[str]:
    """Our own Python files below a folder, without generated ones."""
    return [name for name in files() if name.startswith(below) and name.endswith(".py") and GENERATED not in name]


@cache
def tree(name: str) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def imports(name: str) -> set[str]:
    """Every module that a file imports, wherever in the file the import stands."""
    found: set[str] = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
