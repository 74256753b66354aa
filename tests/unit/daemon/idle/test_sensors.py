"""Promises of the sensors: what each system's words mean, and that silence is never taken for peace."""

import os
import sys
import time

import pytest

from brain.base.clock import HandClock, SystemClock
from brain.daemon.idle import linux, macos
from brain.daemon.idle.asking import said, text_of

BATTERY = {"type": "Battery\n"}
MOUSE = {"type": "Battery\n", "scope": "Device\n"}


@pytest.mark.parametrize(
    ("supplies", "mains"),
    [
        ([], True),
        ([MOUSE], True),
        ([BATTERY], None),
        ([BATTERY, {"type": "Mains\n", "online": "1\n"}], True),
        ([BATTERY, {"type": "Mains\n", "online": "0\n"}], False),
        ([BATTERY, {"type": "Mains\n", "online": "0\n"}, {"type": "USB\n", "online": "1\n"}], True),
    ],
)
def test_linux_is_on_power_with_mains_or_without_a_battery(supplies, mains):
    assert linux.on_power(supplies) is mains


def test_linux_memory_is_easy_below_the_stall_and_unknown_without_the_books():
    told = "some avg10={} avg60=0.00 avg300=0.00 total=1\nfull avg10=90.00 avg60=0 avg300=0 total=0\n"
    assert linux.memory_easy(told.format("0.00")) is True
    assert linux.memory_easy(told.format("5.00")) is False
    assert linux.memory_easy(None) is None
    assert linux.memory_easy("nonsense") is None


def test_linux_is_warm_from_the_passive_trip_on():
    assert linux.zone_cool("84999", "85000")
    assert not linux.zone_cool("85000\n", "85000\n")
    assert linux.zone_cool("99000", None)
    assert linux.zone_cool("hot", "85000")


def test_linux_sessions_tell_idleness_only_where_there_is_a_screen():
    hint = "Type={}\nIdleHint={}\nIdleSinceHint={}\n"
    assert linux.session_idle_s(hint.format("wayland", "yes", 40_000_000), 100.0) == 60.0
    assert linux.session_idle_s(hint.format("x11", "no", 0), 100.0) == 0.0
    assert linux.session_idle_s(hint.format("x11", "yes", "?"), 100.0) == 0.0
    assert linux.session_idle_s(hint.format("tty", "yes", 40_000_000), 100.0) is None
    assert linux.session_idle_s("", 100.0) is None


def made(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def silent_logind(monkeypatch):
    monkeypatch.setattr(linux, "said", lambda command: None)


@pytest.mark.usefixtures("silent_logind")
def test_linux_reads_a_laptop_whole(tmp_path):
    made(tmp_path, "sys/class/power_supply/BAT0/type", "Battery\n")
    made(tmp_path, "sys/class/power_supply/AC/type", "Mains\n")
    made(tmp_path, "sys/class/power_supply/AC/online", "0\n")
    made(tmp_path, "sys/firmware/acpi/platform_profile", "low-power\n")
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    made(zone, "temp", "91000\n")
    made(zone, "trip_point_0_type", "critical\n")
    made(zone, "trip_point_0_temp", "105000\n")
    made(zone, "trip_point_1_type", "passive\n")
    made(zone, "trip_point_1_temp", "90000\n")
    made(tmp_path, "proc/pressure/memory", "some avg10=0.10 avg60=0 avg300=0 total=0\n")
    for name, used_s in (("dev/pts/0", 1000.0), ("dev/pts/1", 1540.0)):
        os.utime(made(tmp_path, name, ""), (used_s, used_s))
    found = linux.LinuxSensor(tmp_path, HandClock(1600.0), tmp_path).read()
    assert found.on_power is False
    assert found.low_power_mode is True
    assert found.cool is False
    assert found.memory_easy is True
    assert found.user_idle_s == pytest.approx(60.0)
    assert found.disk_free_bytes > 0


@pytest.mark.usefixtures("silent_logind")
def test_linux_knows_nothing_of_a_user_without_sessions_and_terminals(tmp_path):
    found = linux.LinuxSensor(tmp_path / "gone", HandClock(), tmp_path).read()
    assert found.user_idle_s is None
    assert found.memory_easy is None
    assert found.disk_free_bytes is None
    assert (found.on_power, found.low_power_mode, found.cool) == (True, False, True)


def test_linux_listens_to_logind(tmp_path, monkeypatch):
    told = {
        ("loginctl", "list-sessions", "--no-legend"): "2 1000 ann seat0\n\n7 1000 ann -\n",
        "2": "Type=wayland\nIdleHint=yes\nIdleSinceHint=100000000\n",
    }
    monkeypatch.setattr(linux, "said", lambda command: told.get(command, told.get(command[2])))
    assert linux.LinuxSensor(tmp_path, HandClock(400.0), tmp_path).read().user_idle_s == 300.0


@pytest.mark.skipif(sys.platform != "linux", reason="reads this machine's own /sys and /proc")
def test_linux_reads_this_machine_without_complaint(tmp_path):
    found = linux.LinuxSensor(tmp_path, SystemClock()).read()
    assert found.disk_free_bytes > 0
    assert found.user_idle_s is None or found.user_idle_s >= 0


def test_macos_power_is_what_it_draws_from():
    assert macos.on_power("Now drawing from 'AC Power'\n -InternalBattery-0 100%; charged;") is True
    assert macos.on_power("Now drawing from 'Battery Power'\n") is False
    assert macos.on_power("") is None
    assert macos.on_power(None) is None


def test_macos_low_power_mode_is_one_line_of_pmset():
    assert macos.low_power("Currently in use:\n lowpowermode         1\n sleep 1\n") is True
    assert macos.low_power("Currently in use:\n lowpowermode         0\n") is False
    assert macos.low_power("Currently in use:\n sleep 1\n") is False
    assert macos.low_power(None) is None


def test_macos_is_cool_without_limits_and_warnings():
    quiet = "Note: No thermal warning level has been recorded\nNote: No performance warning level has been recorded\n"
    assert macos.cool(quiet) is True
    assert macos.cool("CPU_Scheduler_Limit = 100\nCPU_Available_CPUs = 8\nCPU_Speed_Limit = 100\n") is True
    assert macos.cool("CPU_Scheduler_Limit = 100\nCPU_Speed_Limit = 62\n") is False
    assert macos.cool("Thermal warning level set to 1\n") is False
    assert macos.cool(None) is None


def test_macos_user_was_there_when_any_device_was_touched():
    told = '    | "HIDIdleTime" = 90000000000\n   "HIDIdleTime" = 1500000000\n'
    assert macos.user_idle_s(told) == 1.5
    assert macos.user_idle_s("nothing") is None
    assert macos.user_idle_s(None) is None


def test_a_mac_whose_programs_are_silent_is_not_known_to_be_idle(tmp_path, monkeypatch):
    monkeypatch.setattr(macos, "said", lambda command: None)
    known = vars(macos.MacSensor(tmp_path).read())
    assert known.pop("disk_free_bytes") > 0
    assert set(known.values()) == {None}
    assert macos.MacSensor(tmp_path / "gone").read().disk_free_bytes is None


def test_a_program_that_is_missing_fails_or_hangs_says_nothing(monkeypatch):
    assert said(("printf", "well")) == "well"
    assert said(("no-such-program-here",)) is None
    assert said(("false",)) is None
    monkeypatch.setattr("brain.daemon.idle.asking._WAIT_S", 0.05)
    begun = time.monotonic()
    assert said(("sleep", "30")) is None
    assert time.monotonic() - begun < 20


def test_a_file_that_is_not_there_says_nothing_and_a_long_one_only_its_beginning(tmp_path):
    assert text_of(tmp_path / "none") is None
    assert text_of(tmp_path) is None
    (tmp_path / "long").write_bytes(b"x" * 100_000)
    assert len(text_of(tmp_path / "long")) == 65_536
