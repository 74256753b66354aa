"""A version by its content, and its imports: those of its own rooms stay within it, all others leave it."""

import pytest

from brain.base.errors import RejectedByGate
from brain.daemon.brain_version import read_rooms
from brain.daemon.hot_reload.loader import Loaded
from brain.daemon.hot_reload.snapshot import Compiler, snapshot
from tests.brains import ORDERS, POLICY, ROOMS, changed, compiled, shipped


def taken(files):
    own = {name: text.encode() for name, text in files.items()}
    return snapshot(read_rooms(ROOMS), own, ROOMS, ROOMS)


def test_the_same_files_are_the_shipped_version():
    assert taken({ORDERS: shipped(ORDERS)}).version == taken({}).version
    assert not taken({ORDERS: shipped(ORDERS)}).own


def test_a_changed_file_is_another_version_and_is_named_as_the_users():
    other = taken({ORDERS: changed()})
    assert other.version != taken({}).version
    assert other.own == {ORDERS}


@pytest.fixture
def loaded():
    made = []

    def load(files):
        made.append(Loaded(compiled(files)))
        return made[-1]

    yield load
    for one in made:
        one.unload()


IMPORTS = """
from brain.sampling.contract import Task as A
from brain.sampling import contract as b
from brain import sampling as c
import brain.sampling.contract as d
from .contract import Task as E
from . import contract as f
from ..sampling.contract import Task as G
from brain.base.errors import InvalidInput as H
import brain.base.errors as i
from brain.backends.body import Proposal as J
from brain.conditioning.memory import Memories as K
from brain.conditioning import memory as m
import json, os.path
from brain import conditioning as n, base as o

def late():
    from brain.sampling.contract import Task
    return Task
"""


def test_imports_of_replaceable_rooms_stay_within_and_all_others_meet_the_real_brain(loaded):
    import brain.base.errors
    import brain.conditioning.memory
    import brain.sampling.contract
    from brain.backends.body import Proposal

    module = loaded({"sampling/mine.py": IMPORTS}).module("sampling.mine")
    own = module.b
    assert own is not brain.sampling.contract
    assert own.__name__.startswith("aios_brain_")
    assert module.A is own.Task is module.E is module.G is module.late()
    assert module.d is own is module.f
    assert module.c.contract is own
    assert module.H is brain.base.errors.InvalidInput
    assert module.i is brain.base.errors is module.o.errors
    assert module.J is Proposal
    assert module.m is brain.conditioning.memory
    assert module.K is brain.conditioning.memory.Memories
    assert module.n.__name__.startswith("aios_brain_")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\nimport brain.sampling.policy\n", "sampling/mine.py:2: import brain.sampling.policy reaches past"),
        ("import brain\n", "sampling/mine.py:1: import brain reaches past"),
        ("x = 1\n\ndef broken(:\n", "sampling/mine.py:3: SyntaxError"),
        ("def f():\nreturn 1\n", "sampling/mine.py:2: IndentationError"),
        ("x = '\0'\n", "sampling/mine.py:1: "),
        ("\n\nfrom .... import above\n", "sampling/mine.py:3: the import leaves the brain"),
        ("(" * 5000, "sampling/mine.py:1: "),
    ],
)
def test_what_cannot_be_a_version_is_refused_by_file_and_line(text, told):
    with pytest.raises(RejectedByGate) as caught:
        compiled({"sampling/mine.py": text})
    assert caught.value.message.startswith(told)
    assert caught.value.hint


def test_a_file_is_compiled_once_for_all_versions_that_hold_it():
    compiler = Compiler()
    first, second = (compiler.compile(taken({ORDERS: changed() + more})) for more in ("", "# more\n"))
    assert first.codes["sampling.policy"] is second.codes["sampling.policy"]
    assert first.codes["sampling.discrete.orders"] is not second.codes["sampling.discrete.orders"]


def test_an_error_names_the_users_file_where_it_lies(loaded, tmp_path):
    made = compiled({POLICY: "1 / 0\n"}, tmp_path)
    assert made.paths[str(tmp_path / POLICY)] == POLICY
