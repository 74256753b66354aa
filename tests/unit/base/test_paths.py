"""Promises of brain/base/paths.py."""

from pathlib import Path

import pytest

from brain.base.errors import InvalidInput
from brain.base.paths import places

HOME = Path("/home/ada")


def test_linux_follows_the_xdg_folders():
    found = places({"XDG_DATA_HOME": "/d", "XDG_RUNTIME_DIR": "/run/user/7"}, "linux", HOME)
    assert (found.data, found.run, found.logs) == (
        Path("/d/aios"),
        Path("/run/user/7/aios"),
        HOME / ".local/state/aios",
    )
    assert found.socket == Path("/run/user/7/aios/aiosd.sock")


def test_without_a_runtime_folder_the_socket_lies_with_the_data():
    assert places({}, "linux", HOME).run == HOME / ".local/share/aios/run"


def test_macos_uses_the_library():
    found = places({}, "darwin", Path("/Users/ada"))
    assert found.data == Path("/Users/ada/Library/Application Support/aios")
    assert found.log == Path("/Users/ada/Library/Logs/aios/aiosd.log")


def test_aios_home_wins_over_everything():
    found = places({"AIOS_HOME": "/x", "XDG_DATA_HOME": "/d"}, "darwin", HOME)
    assert {found.data, found.cache, found.logs, found.run, found.config} == {
        Path("/x") / part for part in ("data", "cache", "logs", "run", "config")
    }
    assert found.models == Path("/x/data/models")
    assert found.memories == Path("/x/data/memories")
    assert found.settings == Path("/x/config/config.toml")
    assert found.lock == Path("/x/run/aiosd.lock")
    assert found.token == Path("/x/run/token")


@pytest.mark.parametrize("name", ["AIOS_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"])
def test_a_relative_folder_is_refused_by_name(name):
    with pytest.raises(InvalidInput, match=name) as refused:
        places({name: "here"}, "linux", HOME)
    assert refused.value.field == name


def test_a_socket_path_too_long_for_the_system_is_refused_with_its_length():
    with pytest.raises(InvalidInput, match="bytes") as refused:
        places({"AIOS_HOME": "/" + "a" * 120}, "linux", HOME)
    assert "103" in refused.value.hint
