"""Promises of brain/cli/service_files.py: files that launchd and systemd take, whatever the home is called."""

import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import InvalidInput
from brain.cli.service_files import LABEL, Program, launch_agent, systemd_unit
from tests.house.source import ROOT

ADA = Program(
    Path("/opt/aios/bin/aiosd"),
    Path("/Users/ada"),
    Path("/Users/ada/Library/Logs/aios"),
    "/usr/local/bin:/usr/bin:/bin",
)
ODD = Program(
    Path("/Users/Zoë & Søn/my apps/100%/$x/aiosd"),
    Path("/Users/Zoë & Søn"),
    Path('/Users/Zoë & Søn/Logs "new"'),
    "/usr/bin:/bin",
)

# Our own table of the keys that launchd.plist(5) knows: the type, and the range where there is one.
KEYS = {
    "Label": (str, None),
    "ProgramArguments": (list, None),
    "RunAtLoad": (bool, None),
    "KeepAlive": (dict, None),
    "ThrottleInterval": (int, range(1, 3601)),
    "ExitTimeOut": (int, range(1, 61)),
    "Umask": (int, range(0o777 + 1)),
    "EnvironmentVariables": (dict, None),
    "StandardOutPath": (str, None),
    "StandardErrorPath": (str, None),
    "WorkingDirectory": (str, None),
}


@pytest.mark.parametrize("program", [ADA, ODD], ids=["plain", "odd"])
def test_the_launch_agent_has_only_known_keys_of_the_right_type_and_range(program):
    told = plistlib.loads(launch_agent(program))
    assert set(told) == set(KEYS)
    for key, (kind, allowed) in KEYS.items():
        assert type(told[key]) is kind, key
        assert allowed is None or told[key] in allowed, key
    assert told["Label"] == LABEL
    assert told["ProgramArguments"] == [str(program.executable)]
    assert told["EnvironmentVariables"]["HOME"] == str(program.home)


def test_it_is_restarted_when_it_fails_and_stays_down_when_it_was_stopped():
    told = plistlib.loads(launch_agent(ADA))
    assert told["KeepAlive"] == {"SuccessfulExit": False}
    assert told["Umask"] == 0o077
    assert "Sockets" not in told
    assert "ProcessType" not in told


def test_the_files_kept_for_reading_are_what_is_made():
    assert (ROOT / "launchd/io.github.aios.aiosd.plist").read_bytes() == launch_agent(ADA)
    assert (ROOT / "launchd/aiosd.service").read_text() == systemd_unit(ADA)


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1, max_size=20)


@given(NAMES)
def test_any_name_of_a_home_comes_back_from_the_property_list(name):
    program = Program(Path("/Users") / name / "aiosd", Path("/Users") / name, Path("/l"), "/bin")
    assert plistlib.loads(launch_agent(program))["ProgramArguments"] == [str(program.executable)]


@pytest.mark.parametrize("render", [launch_agent, systemd_unit])
@pytest.mark.parametrize("bad", ["relative/aiosd", "/a\nExecStart=/bin/sh", "/a\x00b"])
def test_paths_that_no_file_can_hold_are_refused(render, bad):
    with pytest.raises(InvalidInput):
        render(Program(Path(bad), Path("/h"), Path("/l"), "/bin"))


def test_a_service_finds_the_places_that_its_user_has():
    told = Program(ADA.executable, ADA.home, ADA.logs, ADA.path, (("AIOS_HOME", "/srv/my aios"),))
    assert plistlib.loads(launch_agent(told))["EnvironmentVariables"]["AIOS_HOME"] == "/srv/my aios"
    assert '"AIOS_HOME=/srv/my aios"' in systemd_unit(told)
    with pytest.raises(InvalidInput, match="control character"):
        systemd_unit(Program(ADA.executable, ADA.home, ADA.logs, ADA.path, (("AIOS_HOME", "/a\nb"),)))


def test_systemd_specifiers_quotes_and_dollars_are_escaped():
    unit = systemd_unit(ODD)
    assert 'ExecStart="/Users/Zoë & Søn/my apps/100%%/$$x/aiosd"' in unit
    assert "WorkingDirectory=/Users/Zoë & Søn" in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_finds_nothing_wrong(tmp_path):
    daemon = tmp_path / "my apps" / "aiosd"
    daemon.parent.mkdir()
    daemon.write_text("#!/bin/sh\n")
    daemon.chmod(0o755)
    unit = tmp_path / "aiosd.service"
    unit.write_text(systemd_unit(Program(daemon, tmp_path, tmp_path, "/usr/bin:/bin")))
    done = subprocess.run(["systemd-analyze", "--user", "verify", unit], capture_output=True, text=True, check=False)
    assert str(unit.name) not in done.stderr
