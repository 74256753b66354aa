"""Two versions side by side: modules of their own, nothing of the real brain touched, nothing left behind."""

import gc
import sys
import weakref

import pytest

from brain.base.errors import RejectedByGate
from brain.daemon.hot_reload.assembly import Assembly
from brain.daemon.hot_reload.blame import blamed
from brain.daemon.hot_reload.contract import ENTRIES, entries, hand_over
from brain.daemon.hot_reload.loader import PREFIX, Loaded
from tests.brains import ORDERS, changed, compiled, shipped

COUNTER = """
kept = {"calls": 0}

def export_state():
    return kept

def migrate(told):
    kept.update(told)
"""


@pytest.fixture
def load():
    made = []

    def one(files, mark=""):
        made.append(Loaded(compiled(files), mark))
        return made[-1]

    yield one
    for loaded in made:
        loaded.unload()
    assert not [name for name in sys.modules if name.startswith(PREFIX)]


def test_two_versions_live_side_by_side_and_the_real_brain_stays_as_it_was(load):
    import brain.sampling.discrete.orders as real

    before = set(sys.modules)
    one, other = load({}, "_1"), load({ORDERS: changed()}, "_2")
    first, second = (version.module("sampling.discrete.orders") for version in (one, other))
    assert len({id(module.Look) for module in (real, first, second)}) == 3
    assert sys.modules["brain.sampling.discrete.orders"] is real
    assert all(name.startswith(PREFIX) for name in set(sys.modules) - before)


def test_a_module_that_a_version_does_not_hold_is_not_there(load):
    loaded = load({})
    assert loaded.has("sampling.policy")
    assert loaded.has("sampling")
    assert not loaded.has("sampling.nothing")
    for name in ("sampling.nothing", "base.errors", "conditioning.memory"):
        with pytest.raises(ModuleNotFoundError):
            loaded.module(name)


def test_a_room_of_the_users_own_needs_no_init_file(load):
    assert load({"rewards/deep/short.py": "value = 7\n"}).module("rewards.deep.short").value == 7


def test_nothing_is_left_of_a_version_that_is_unloaded(load):
    loaded = load({}, "_3")
    Assembly(loaded)
    kept = weakref.ref(loaded.module("sampling.contract").Task)
    loaded.unload()
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"diffusion/core.py": "def generate(body): ...\n"},
            "diffusion/core.py: generate does not take tokenizer as its parameter 2",
        ),
        ({"diffusion/core.py": "generate = 3\n"}, "diffusion/core.py has no function generate"),
        ({"diffusion/core.py": ""}, "diffusion/core.py has no function generate"),
        (
            {"conditioning/retrieval.py": "def retrieve(memories, tokenizer, query, *, limit): ...\n"},
            "conditioning/retrieval.py: retrieve does not take limit by position",
        ),
        (
            {"conditioning/retrieval.py": "def retrieve(memories, tokenizer, query, limit, more): ...\n"},
            "conditioning/retrieval.py: retrieve wants more, which nobody gives",
        ),
        (
            {"conditioning/retrieval.py": "retrieve = type('X', (), {'__call__': 1, '__signature__': 1})()\n"},
            "conditioning/retrieval.py: retrieve has no signature that can be read",
        ),
    ],
)
def test_an_entry_that_cannot_be_called_as_the_engine_calls_it_is_refused(load, files, told):
    with pytest.raises(RejectedByGate) as caught:
        entries(load(files))
    assert caught.value.message == told


def test_an_entry_may_take_more_that_has_a_default(load):
    more = shipped("conditioning/retrieval.py").replace("tokens: int = TOKENS_SHOWN", "tokens: int = 9, *rest: int")
    assert set(entries(load({"conditioning/retrieval.py": more}))) == {*ENTRIES}


def test_a_room_hands_over_what_it_keeps_as_plain_data(load):
    old, new = load({"sampling/state.py": COUNTER}, "_old"), load({"sampling/state.py": COUNTER + "# new\n"}, "_new")
    old.module("sampling.state").kept["calls"] = 41
    hand_over(old, new)
    assert new.module("sampling.state").kept == {"calls": 41}
    assert new.module("sampling.state").kept is not old.module("sampling.state").kept


def test_a_room_without_a_state_is_not_asked(load):
    hand_over(None, load({"sampling/state.py": "1 / 0\n"}))
    hand_over(load({}), load({"sampling/state.py": "1 / 0\n"}))
    hand_over(load({"sampling/state.py": "x = 1\n"}, "_1"), load({"sampling/state.py": COUNTER}, "_2"))


@pytest.mark.parametrize("told", ["{1, 2}", "[1, 2]", "object()"])
def test_a_state_that_is_no_plain_mapping_is_refused(load, told):
    old = load({"sampling/state.py": f"def export_state():\n    return {told}\n"}, "_1")
    with pytest.raises(RejectedByGate, match=r"sampling\.state"):
        hand_over(old, load({"sampling/state.py": COUNTER}, "_2"))


def test_an_error_is_blamed_on_the_innermost_line_of_the_version(load):
    made = compiled({"sampling/policy.py": "\ndef f():\n    raise KeyError('x')\n\nf()\n"})
    loaded = Loaded(made, "_blame")
    with pytest.raises(KeyError) as caught:
        loaded.module("sampling.policy")
    loaded.unload()
    assert blamed(caught.value, made.paths) == "sampling/policy.py:3: KeyError: 'x'"
    assert blamed(ValueError("elsewhere"), made.paths) == "ValueError: elsewhere"
    assert blamed(RejectedByGate("whole"), made.paths) == "whole"
