"""What the log holds, where it ends, and how a brain is named."""

import json
import logging
import stat
import subprocess
from pathlib import Path

import brain
from brain.daemon import logs, status
from brain.daemon.brain_version import ROOMS, brain_version
from brain.daemon.status import resident_bytes


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_one_object_with_its_fields(tmp_path):
    handler = logs.start_log(tmp_path / "log", "info")
    try:
        logging.getLogger("aios.test").info("a thing\nhappened", extra={"request_id": "a", "passes": 3})
        logging.getLogger("aios.test").debug("not this")
        logging.getLogger("another.library").info("nor this")
        logging.getLogger("another.library").warning("but this")
    finally:
        logs.stop_log(handler)
    first, second = lines(tmp_path / "log")
    assert (first["event"], first["request_id"], first["passes"]) == ("a thing\nhappened", "a", 3)
    assert (first["level"], first["room"]) == ("info", "aios.test")
    assert second["event"] == "but this"
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def failed():
    try:
        try:
            {}["the user's words"]
        except KeyError as error:
            raise ValueError("more of the user's words") from error
    except ValueError as error:
        return error


def test_an_exceptions_words_are_kept_out_unless_debugging(tmp_path):
    for level in ("info", "debug"):
        handler = logs.start_log(tmp_path / level, level)
        logging.getLogger("aios.test").error("it failed", exc_info=failed())
        logs.stop_log(handler)
    told = lines(tmp_path / "info")[0]["error"]
    assert (told["class"], told["because"]["class"]) == ("ValueError", "KeyError")
    assert any("failed" in line for line in told["lines"])
    assert "user's words" not in (tmp_path / "info").read_text()
    assert lines(tmp_path / "debug")[0]["error"]["words"] == "more of the user's words"


def test_the_log_rotates_and_keeps_a_bounded_number_of_private_files(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "FILE_BYTES", 2000)
    handler = logs.start_log(tmp_path / "log", "info")
    for number in range(400):
        logging.getLogger("aios.test").info("x" * 50, extra={"number": number})
    logs.stop_log(handler)
    files = list(tmp_path.iterdir())
    assert len(files) == logs.FILES_KEPT + 1
    assert all(file.stat().st_size <= 2000 for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_brain_is_named_by_what_its_rooms_hold(tmp_path):
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_text("a = 1\n")
    first = brain_version(tmp_path)
    assert len(first) == 12
    (tmp_path / "sampling" / "a.py").touch()
    (tmp_path / "elsewhere.py").write_text("")
    (tmp_path / "sampling" / "notes.txt").write_text("")
    assert brain_version(tmp_path) == first
    (tmp_path / "sampling" / "a.py").write_text("a = 2\n")
    second = brain_version(tmp_path)
    (tmp_path / "sampling" / "a.py").rename(tmp_path / "sampling" / "b.py")
    assert len({first, second, brain_version(tmp_path)}) == 3


def test_the_shipped_brain_has_a_name():
    assert brain_version(Path(brain.__file__).parent) == brain_version(Path(brain.__file__).parent)


def test_memory_is_read_off_the_process():
    assert 1 << 20 < resident_bytes() < 1 << 40


def test_where_no_proc_is_memory_is_asked_of_ps(monkeypatch, tmp_path):
    monkeypatch.setattr(status, "_STATM", tmp_path / "none")
    told = subprocess.CompletedProcess([], 0, stdout=" 2048\n")
    monkeypatch.setattr(subprocess, "run", lambda *words, **how: told)
    assert resident_bytes() == 2048 * 1024
    told.stdout = ""
    assert resident_bytes() == 0
