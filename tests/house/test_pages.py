"""The pages of the skeleton's rooms are true: their Python runs as it stands, their Rust examples exist."""

import os
import re
import subprocess
import sys

import pytest

from tests.house.source import ROOT, files

PAGES = tuple(name for name in files() if name.startswith("docs/skeleton/") and name.endswith(".md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"cargo run --release -p aios-([a-z]+) --example ([a-z_-]+)")
PURE_PYTHON = {"docs/skeleton/embedding.md"}


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, tmp_path):
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert blocks, f"{page} shows no Python"
    program = tmp_path / "page.py"
    program.write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "AIOS_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", sorted({*PAGES} - PURE_PYTHON))
def test_a_page_runs_a_rust_example_that_exists(page):
    named = COMMAND.findall((ROOT / page).read_text(encoding="utf-8"))
    assert named, f"{page} runs no example of its crate"
    for crate, example in named:
        plain = example.removeprefix(f"{crate}-")  # two crates may not have examples of one name, so some carry theirs
        assert (ROOT / f"skeleton/{crate}/examples/{plain}.rs").is_file(), f"{page}: {crate} has no example {example}"
