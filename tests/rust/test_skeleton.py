"""Runs the skeleton's own tests, one crate at a time, so that a failing promise is named here too."""

import re
import shutil
import subprocess

import pytest

from tests.house.source import ROOT

CRATES = ("foundation", "kernels", "quant", "weights", "storage", "search", "tokenizer", "forward", "border")
RESULT = re.compile(r"test result: ok\. (\d+) passed; 0 failed")


@pytest.mark.parametrize("crate", CRATES)
def test_the_crate_keeps_its_promises(crate):
    cargo = shutil.which("cargo")
    assert cargo, "a Rust toolchain is needed, also to build aios"
    done = subprocess.run(
        [cargo, "test", "--release", "--locked", "-p", f"aios-{crate}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert sum(int(passed) for passed in RESULT.findall(done.stdout)) > 0
