"""The stub of the skeleton says what the built module is: nothing more, nothing less."""

import subprocess
import sys

from tests.house.source import ROOT


def test_the_stub_is_the_built_module():
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "brain._skeleton"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
