"""Versions that do harm when they are imported: the child has it, the daemon hears of it, by file and line."""

import io
import json
import os
import sys
import tempfile
import threading
import types

import pytest

from brain.base.errors import RejectedByGate, Unreachable
from brain.daemon.hot_reload import child
from brain.daemon.hot_reload.blame import Harm
from brain.daemon.hot_reload.child import READY, Watched
from brain.daemon.hot_reload.trail import LINE, written
from brain.daemon.hot_reload.trial import ChildTrial
from tests.brains import MODEL, ORDERS, POLICY, changed, compiled, shipped


@pytest.fixture
def made():
    one = ChildTrial(MODEL, trial_s=60)
    yield one
    one.tidy()
    one.close()


def harmful(line):
    """The policy with a line of harm as its third line from the end; gives the files and the place of the line."""
    text = f"{shipped(POLICY)}\n{line}\n"
    return {POLICY: text}, f"{POLICY}:{text.count(chr(10))}"


def test_a_version_that_keeps_its_promises_passes_in_a_child(made):
    made.prepare()
    made.run(compiled({ORDERS: changed()}))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import time; time.sleep(60)", "a version never sleeps (60 s)"),
        ("raise SystemExit(0)", "it ends the process (SystemExit 0)"),
        ("import os; os._exit(0)", "it ended the process"),
        ("import os; os.kill(os.getpid(), 9)", "it ended the process"),
        ("import os; os.fork()", "a version starts no process and no thread of its own (os.fork)"),
        ("import subprocess; subprocess.run(['true'])", "a version starts no process"),
        ("import threading; threading.Thread(target=print).start()", "a version starts no process and no thread"),
        ("import _thread; _thread.start_new_thread(print, ())", "a version starts no process and no thread"),
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("from brain.sampling.contract import Nothing", "ImportError: cannot import name 'Nothing'"),
        ("undefined", "NameError: name 'undefined' is not defined"),
        ("print('to nobody'); 1 / 0", "ZeroDivisionError: division by zero"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_harm_at_import_is_refused_by_file_and_line(made, line, told):
    files, place = harmful(line)
    with pytest.raises(RejectedByGate) as caught:
        made.run(compiled(files))
    assert caught.value.message.startswith(f"{place}: {told}")
    assert caught.value.hint


def test_a_loop_at_import_is_ended_at_the_deadline_and_refused_by_its_line():
    files, place = harmful("while True: pass")
    made = ChildTrial(MODEL, trial_s=2)
    with pytest.raises(RejectedByGate) as caught:
        made.run(compiled(files))
    assert caught.value.message == f"{place}: it was not done after 2 s"


def test_a_generation_that_breaks_is_refused_by_the_line_that_raised(made):
    text = shipped(ORDERS).replace(
        "    return np.arange(look.count)", "    return np.arange(look.count) + look.nothing"
    )
    with pytest.raises(RejectedByGate) as caught:
        made.run(compiled({ORDERS: text}))
    assert caught.value.message.startswith(f"{ORDERS}:")
    assert "AttributeError: 'Look' object has no attribute 'nothing'" in caught.value.message


def test_a_child_that_cannot_open_its_model_refuses_everything(tmp_path):
    with pytest.raises(RejectedByGate, match="did not start"):
        ChildTrial(tmp_path).run(compiled({}))


def test_closing_ends_a_trial_that_runs_and_all_later_ones():
    files, _ = harmful("while True: pass")
    made, refused = ChildTrial(MODEL, trial_s=60), []

    def run():
        try:
            made.run(compiled(files))
        except RejectedByGate as error:
            refused.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while made._running is None:
        thread.join(0.01)
    made.close()
    thread.join(20)
    assert refused
    made.prepare()
    with pytest.raises(Unreachable):
        made.run(compiled({}))


def test_what_waits_is_given_back_when_nobody_changes_files(made):
    made.prepare()
    process = made._spare._process
    made.prepare()
    assert made._spare._process is process
    made.rest()
    assert process.returncode is not None
    made.rest()


def run_here(monkeypatch, version):
    """The child's program in this process; gives its verdict and the last line on its trail."""
    monkeypatch.setattr(sys, "addaudithook", lambda hook: None)
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(written(version) if version else b"")))
    ours, theirs = os.pipe()
    with tempfile.TemporaryFile() as trail, os.fdopen(ours, "rb") as said:
        trail.truncate(LINE.size)
        assert child.main([str(MODEL), str(theirs), str(trail.fileno())]) == 0
        os.close(theirs)
        told = said.read()
        return told, os.pread(trail.fileno(), LINE.size, 0)


def test_the_childs_program_says_ready_then_its_verdict(monkeypatch):
    ready, verdict = run_here(monkeypatch, compiled({}))[0].splitlines(keepends=True)
    assert ready == READY
    assert json.loads(verdict) == {"process": os.getpid(), "refused": ""}
    files, place = harmful("import time; time.sleep(1)")
    version = compiled(files)
    told, trail = run_here(monkeypatch, version)
    assert json.loads(told.splitlines()[1])["refused"] == f"{place}: a version never sleeps (1 s)"
    number, line = LINE.unpack(trail)
    assert list(version.paths.values())[number - 1].endswith(".py")
    assert line > 0
    assert run_here(monkeypatch, None)[0] == READY


def test_the_watch_refuses_what_it_hears_of_only_while_it_is_on(monkeypatch):
    heard = []
    monkeypatch.setattr(sys, "addaudithook", heard.append)
    with tempfile.TemporaryFile() as trail:
        trail.truncate(LINE.size)
        watched = Watched(trail.fileno(), {})
    heard[0]("os.fork", ())
    with watched:
        with pytest.raises(Harm):
            heard[0]("os.fork", ())
        with pytest.raises(Harm):
            threading.Thread(target=print).start()
        heard[0]("open", ())
    heard[0]("os.fork", ())


@pytest.mark.parametrize(
    ("said", "told"), [('{"process": 1, "refused": ""}', "it left its process"), ("fine", "it wrote into the verdict")]
)
def test_a_verdict_that_is_not_the_childs_own_is_none(made, said, told):
    write = f"import os, sys; os.write(int(sys.argv[2]), b'{said}' + bytes([10]))"
    files, _ = harmful(f"{write}\nwhile True: pass")
    with pytest.raises(RejectedByGate) as caught:
        made.run(compiled(files))
    assert caught.value.message.startswith(POLICY)
    assert caught.value.message.endswith(told)


def test_a_child_that_died_while_it_waited_is_replaced(made):
    made.prepare()
    made._spare._process.kill()
    made._spare._process.wait()
    made.run(compiled({}))
