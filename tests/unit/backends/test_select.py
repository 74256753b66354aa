"""Picking a body by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from brain.backends.select import open_body
from brain.base.errors import InvalidInput, NotFound, Unsupported
from tests.models import SMALL, write_model


@pytest.mark.parametrize(("asked", "name"), [("auto", "native"), ("native", "native"), ("torch", "torch")])
def test_a_body_is_opened_by_name(tmp_path, asked, name):
    body = open_body(write_model(tmp_path), asked)
    assert (body.name, body.spec) == (name, SMALL)


def test_a_name_that_is_none_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="jax"):
        open_body(write_model(tmp_path), "jax")


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_a_folder_that_is_no_model_is_refused(tmp_path, backend):
    with pytest.raises(NotFound):
        open_body(tmp_path / "nowhere", backend)


def test_the_native_body_never_imports_torch(tmp_path):
    write_model(tmp_path)
    program = (
        "import sys, pathlib; from brain.backends.select import open_body; import brain.diffusion.evaluate;"
        f"open_body(pathlib.Path({str(tmp_path)!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_machine_without_torch_is_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "brain.backends.torch", raising=False)
    with pytest.raises(Unsupported, match="hint: "):
        open_body(write_model(tmp_path), "torch")
