"""Runs the skeleton's own tests, all crates in one go, and names each crate whose promises are not kept."""

import re
import shutil
import subprocess

import pytest

from tests.house.source import ROOT

CRATES = ("foundation", "kernels", "quant", "weights", "storage", "search", "tokenizer", "forward", "border")
OF_A_CRATE = re.compile(r"^ +(?:Running unittests src/lib\.rs \(.*/(\w+)-[0-9a-f]+\)|Doc-tests (\w+))$")
RESULT = re.compile(r"^test result: (\w+)\. (\d+) passed; (\d+) failed", re.MULTILINE)


@pytest.fixture(scope="module")
def told():
    """All that one run over the whole workspace prints, results and errors in the order in which they came.

    One run, not one a crate: cargo would give shared dependencies other features each time and compile them anew.
    """
    cargo = shutil.which("cargo")
    assert cargo, "a Rust toolchain is needed, also to build aios"
    return subprocess.run(
        [cargo, "test", "--release", "--locked", "--workspace", "--no-fail-fast"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


def part_of(crate, told):
    """What was printed of one crate: its unit tests, the test programs that follow them, its doc tests.

    The border is the first of the alphabet, and the one without unit tests that would announce it.
    """
    kept, current = [], "border"
    for line in told.splitlines():
        if found := OF_A_CRATE.match(line):
            current = found[1] or found[2]
        if current == crate:
            kept.append(line)
    return "\n".join(kept)


@pytest.mark.parametrize("crate", CRATES)
def test_the_crate_keeps_its_promises(crate, told):
    part = part_of(crate, told)
    results = RESULT.findall(part)
    assert sum(int(passed) for _, passed, _ in results) > 0, told[-8000:]
    assert all(state == "ok" for state, _, _ in results), part[-8000:]
