"""All or nothing: what is on disk serves, or what served goes on; what was given up is not taken again by itself."""

import json
import sys
import threading

import pytest

from brain.base.clock import SystemClock
from brain.base.errors import Conflict, CorruptData, InvalidInput, NotFound, RejectedByGate
from brain.base.messages import Request, Response, Settings
from brain.base.paths import Places
from brain.base.settings import DaemonSettings
from brain.daemon.hot_reload import reload
from brain.daemon.hot_reload.keeper import Keeper
from brain.daemon.hot_reload.loader import PREFIX
from brain.daemon.system import real_parts
from brain.engine.models import Shelf
from tests.brains import ORDERS, POLICY, ROOMS, Believing, changed, shipped, write

COUNTER = """
kept = {"calls": 0}

def export_state():
    kept["calls"] += 1
    return kept

def migrate(told):
    kept.update(told)
"""


class NoMemories:
    def recall(self, query, limit):
        return []


@pytest.fixture(scope="module")
def shelf():
    made = Shelf((ROOMS / "pretrained",), "base", real_parts(DaemonSettings(threads=2)).load)
    made.open()
    return made


@pytest.fixture
def trial():
    return Believing()


@pytest.fixture
def keeper(tmp_path, trial, shelf):
    home = tmp_path / "home"
    home.mkdir()
    places = Places(home, home, home, home, home)
    generate = real_parts(DaemonSettings()).generate
    made = Keeper(
        places,
        ROOMS,
        generate=generate,
        retrieve=lambda request, model: None,
        memories=NoMemories(),
        shelf=shelf,
        trial=trial,
    )
    yield made
    made.close()


@pytest.fixture
def own(tmp_path, keeper):
    return lambda files: write(tmp_path / "home" / "brain", files)


def test_without_files_of_ones_own_the_shipped_version_serves(keeper, trial):
    name = keeper.versions.serving
    assert keeper.reloader.reload() == name
    assert trial.tried == []
    assert [report.state for report in keeper.reloader.reports()] == ["serving"]


def test_a_changed_file_serves_after_its_trial_and_answers(keeper, own, trial, shelf):
    own({ORDERS: changed()})
    version = keeper.reloader.reload()
    assert trial.tried == [version] == [keeper.versions.serving]
    report = keeper.reloader.reports()[0]
    assert (report.state, report.own) == ("watched", (ORDERS,))
    model = shelf.open()
    request = Request(request_id="a", prompt="The", settings=Settings(max_tokens=3))
    with keeper.versions.call() as call:
        assert call.brain.retrieve(request, model).texts == ()
        given = (model.body, model.tokenizer, request, model.calibration, (), None, SystemClock())
        *_, last = call.brain.generate(*given)
    assert type(last) is Response


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({POLICY: "def broken(:\n"}, "sampling/policy.py:1: SyntaxError: "),
        ({POLICY: "\n1 / 0\n"}, "sampling/policy.py:2: ZeroDivisionError: "),
        ({POLICY: "raise SystemExit\n"}, "sampling/policy.py:1: it ends the process"),
        ({POLICY: ""}, "diffusion/plan.py:"),
        ({"diffusion/core.py": ""}, "diffusion/core.py has no function generate"),
    ],
)
def test_what_fails_in_place_leaves_nothing_behind(keeper, own, files, told):
    before = keeper.versions.serving
    modules = {name for name in sys.modules if name.startswith(PREFIX)}
    own(files)
    with pytest.raises(RejectedByGate) as caught:
        keeper.reloader.reload()
    assert caught.value.message.startswith(told)
    assert keeper.versions.serving == before
    assert keeper.reloader.reports()[-1].why.startswith(told)
    assert {name for name in sys.modules if name.startswith(PREFIX)} == modules


def test_a_state_that_is_not_taken_over_refuses_the_version(keeper, own):
    own({"uncertainty/state.py": COUNTER})
    before = keeper.reloader.reload()
    own({"uncertainty/state.py": COUNTER.replace("kept.update(told)", "kept.update(told['calls'])")})
    with pytest.raises(RejectedByGate, match=r"uncertainty/state.py:9: TypeError"):
        keeper.reloader.reload()
    assert keeper.versions.serving == before


def test_what_hangs_in_the_daemon_alone_is_left_to_itself(keeper, own, monkeypatch):
    monkeypatch.setattr(reload, "IN_PLACE_S", 0.3)
    go_on = threading.Event()
    monkeypatch.setattr(threading, "aios_go_on", go_on, raising=False)
    own({POLICY: "import threading\nthreading.aios_go_on.wait(60)\n"})
    with pytest.raises(RejectedByGate, match=r"not done after 0.3 s"):
        keeper.reloader.reload()
    go_on.set()


def test_a_refused_version_is_told_once_and_not_tried_again_until_it_changes(keeper, own, trial):
    trial.refuse = "sampling/policy.py:1: it is bad"
    own({ORDERS: changed()})
    for _ in range(3):
        keeper.reloader.changed()
    assert len(trial.tried) == 1
    assert [report.state for report in keeper.reloader.reports()] == ["serving", "refused"]
    with pytest.raises(RejectedByGate):
        keeper.reloader.reload()
    assert len(trial.tried) == 2
    trial.refuse = ""
    own({ORDERS: changed() + "# mended\n"})
    keeper.reloader.changed()
    assert [report.state for report in keeper.reloader.reports()] == ["watched", "kept"]


def test_files_that_are_not_taken_are_told_and_change_nothing(keeper, own, tmp_path):
    folder = own({"nowhere/a.py": ""})
    keeper.reloader.changed()
    keeper.reloader.changed()
    assert "brain/nowhere is no room" in keeper.reloader.reports()[-1].why
    with pytest.raises(InvalidInput):
        keeper.reloader.reload()
    (folder / "nowhere" / "a.py").unlink()
    (folder / "nowhere").rmdir()
    keeper.reloader.changed()
    assert [report.state for report in keeper.reloader.reports()] == ["serving"]


def test_rolling_back_leaves_a_version_for_good_unless_it_is_forced(keeper, own, trial):
    first = keeper.versions.serving
    own({ORDERS: changed()})
    second = keeper.reloader.reload()
    assert keeper.reloader.rollback() == (second, first)
    keeper.reloader.changed()
    assert keeper.versions.serving == first
    with pytest.raises(RejectedByGate, match="quarantine: rolled back by hand") as caught:
        keeper.reloader.reload()
    assert "--force" in caught.value.hint
    states = {report.version: report.state for report in keeper.reloader.reports()}
    assert states == {first: "serving", second: "quarantined"}
    assert keeper.reloader.reload(force=True) == second
    assert [report.state for report in keeper.reloader.reports()] == ["watched", "kept"]


def test_one_goes_back_to_a_named_version_or_is_told_that_there_is_none(keeper, own):
    with pytest.raises(Conflict):
        keeper.reloader.rollback()
    with pytest.raises(NotFound):
        keeper.reloader.rollback("0123456789ab")
    first = keeper.versions.serving
    own({ORDERS: changed()})
    second = keeper.reloader.reload()
    own({ORDERS: changed() + "# more\n"})
    third = keeper.reloader.reload()
    assert keeper.reloader.rollback(first) == (third, first)
    assert keeper.reloader.rollback(second) == (first, second)


def test_files_that_go_back_to_a_loaded_version_are_not_tried_again(keeper, own, trial):
    first = keeper.versions.serving
    folder = own({ORDERS: changed()})
    second = keeper.reloader.reload()
    (folder / ORDERS).unlink()
    assert keeper.reloader.reload() == first
    own({ORDERS: changed()})
    assert keeper.reloader.reload() == second
    assert trial.tried == [second]


def test_a_version_that_does_worse_is_left_and_put_into_quarantine(keeper, own, tmp_path):
    own({ORDERS: changed()})
    first, second = keeper.versions.serving, keeper.reloader.reload()
    for _ in range(2):
        with pytest.raises(KeyError), keeper.versions.call():
            raise KeyError
    assert keeper.versions.serving == first
    assert list(json.loads((tmp_path / "home" / "brain.quarantine.json").read_text())) == [second]
    keeper.reloader.changed()
    assert keeper.versions.serving == first


def test_a_broken_quarantine_refuses_new_versions_and_calls_go_on(keeper, own, tmp_path):
    (tmp_path / "home" / "brain.quarantine.json").write_text("{")
    own({ORDERS: changed()})
    with pytest.raises(CorruptData):
        keeper.reloader.reload()
    keeper._gave_up("0123456789ab", "it failed")
    with keeper.versions.call() as call:
        assert call.brain.version == keeper.versions.serving


def test_a_rooms_state_goes_with_it(keeper, own):
    own({"sampling/state.py": COUNTER})
    keeper.reloader.reload()
    own({"sampling/state.py": COUNTER + "# more\n"})
    keeper.reloader.reload()
    assert keeper.versions.package.module("sampling.state").kept == {"calls": 1}


def test_only_somebody_who_changes_files_has_a_child_waiting(keeper, trial):
    keeper.reloader.prepare()
    assert trial.ready == 1
    keeper.reloader.rest()
    assert trial.ready == 0


def test_the_shipped_files_are_those_of_the_start(keeper):
    assert shipped(POLICY).encode() == keeper.reloader._rooms.shipped[POLICY]
