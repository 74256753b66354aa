"""Writes ``brain/wire/`` from ``proto/``; run it after a change there: ``python proto/generate.py``. Not shipped.

The generated modules are imported as ``brain.wire.aios.v1.…``, so the absolute imports that protoc writes
(``from aios.v1 import …``) are given that prefix; nothing else of protoc's output is touched.
"""

from __future__ import annotations

import re
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

PACKAGES: Final = {
    "": "Generated from ``proto/`` by ``proto/generate.py``; never edited.",
    "aios": "The public interface, all versions.",
    "aios/v1": "The public interface, version 1.",
}
"""Folder → docstring of its ``__init__.py``: protoc writes none."""

_IMPORT: Final = re.compile(r"^from aios\.", re.MULTILINE)


def generated(proto: Path) -> dict[str, str]:
    """Every file of ``brain/wire/`` by its path below it, made from the ``.proto`` files below ``proto``.

    Raises: RuntimeError when protoc refuses a file (its words are on stderr).
    """
    from grpc_tools import protoc

    sources = sorted(str(path.relative_to(proto)) for path in proto.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        well_known = str(resources.files("grpc_tools") / "_proto")
        outputs = [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
        if protoc.main(["protoc", f"-I{proto}", f"-I{well_known}", *outputs, *sources]):
            raise RuntimeError(f"protoc refused {', '.join(sources)}")
        files = {
            str(path.relative_to(out)): _IMPORT.sub("from brain.wire.aios.", path.read_text("utf-8"))
            for path in out.rglob("*.py*")
        }
    inits = {f"{folder}/__init__.py".lstrip("/"): f'"""{text}"""\n' for folder, text in PACKAGES.items()}
    return files | inits


def main() -> None:
    """Write the files, and take away those that are not generated any more."""
    root = Path(__file__).resolve().parent.parent
    wire = root / "brain" / "wire"
    files = generated(root / "proto")
    for path in wire.rglob("*.py*"):
        if str(path.relative_to(wire)) not in files and "__pycache__" not in path.parts:
            path.unlink()
    for name, text in files.items():
        path = wire / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    sys.stdout.write(f"{len(files)} files in {wire.relative_to(root)}\n")


if __name__ == "__main__":
    main()
