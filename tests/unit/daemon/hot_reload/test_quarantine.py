"""What went wrong once is remembered on disk; a file that says anything else is refused."""

import stat

import pytest

from brain.base.errors import CorruptData, StorageFailed
from brain.daemon.hot_reload import quarantine
from brain.daemon.hot_reload.quarantine import Quarantine


def test_a_version_is_remembered_until_it_is_released(tmp_path):
    file = tmp_path / "q.json"
    assert Quarantine(file).versions() == {}
    Quarantine(file).add("a", "it failed")
    Quarantine(file).add("b", "it failed too")
    Quarantine(file).add("a", "it failed again")
    assert Quarantine(file).versions() == {"b": "it failed too", "a": "it failed again"}
    Quarantine(file).release("b")
    Quarantine(file).release("never seen")
    assert Quarantine(file).versions() == {"a": "it failed again"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_it_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(quarantine, "LIMIT", 3)
    held = Quarantine(tmp_path / "q.json")
    for name in "abcde":
        held.add(name, "")
    assert list(held.versions()) == ["c", "d", "e"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "null", "[" * 100_000])
def test_a_file_that_is_none_is_refused_and_kept(tmp_path, text):
    file = tmp_path / "q.json"
    file.write_text(text)
    for work in (lambda held: held.versions(), lambda held: held.add("a", ""), lambda held: held.release("a")):
        with pytest.raises(CorruptData):
            work(Quarantine(file))
    assert file.read_text() == text


def test_what_the_disk_refuses_is_told(tmp_path):
    (tmp_path / "q.json").mkdir()
    with pytest.raises(StorageFailed):
        Quarantine(tmp_path / "q.json").versions()
    with pytest.raises(StorageFailed):
        Quarantine(tmp_path / "nowhere" / "q.json").add("a", "")
