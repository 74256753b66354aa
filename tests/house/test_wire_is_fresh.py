"""The generated wire modules are what ``proto/`` says today: no more, no less."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _generator() -> object:
    spec = importlib.util.spec_from_file_location("proto_generate", ROOT / "proto" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_generated_file_is_what_the_generator_writes_now() -> None:
    wire = ROOT / "brain" / "wire"
    on_disk = {
        str(path.relative_to(wire)): path.read_text("utf-8")
        for path in wire.rglob("*.py*")
        if "__pycache__" not in path.parts
    }
    fresh = _generator().generated(ROOT / "proto")  # type: ignore[attr-defined]
    assert sorted(on_disk) == sorted(fresh)
    stale = [name for name, text in fresh.items() if on_disk[name] != text]
    assert stale == [], "run: python proto/generate.py"
