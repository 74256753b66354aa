"""The product as it is shipped: its own model in a real daemon. No torch in it."""

import sys
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from brain.base.messages import Accepted, Hole, PartialState, Request, Response, Settings
from tests.integration.daemons import REAL, daemon, wait_until


@pytest.fixture(scope="module")
def real():
    with daemon(program=REAL) as made:
        yield made


def asked(prompt="The old man looked at the sea and", **settings):
    return Request(request_id=uuid.uuid4().hex, prompt=prompt, settings=replace(Settings(max_tokens=24), **settings))


def final_of(real, request):
    with real.client() as client:
        events = list(client.generate(request))
    assert isinstance(events[0], Accepted)
    assert all(isinstance(event, PartialState) for event in events[1:-1])
    assert isinstance(events[-1], Response)
    return events[-1]


@pytest.mark.parametrize("way", ["next-token", "speculate", "block"])
def test_the_shipped_model_writes_and_says_how_sure_it_is(real, way):
    final = final_of(real, asked(way=way))
    assert final.text
    assert final.stopped in {"length", "end"}
    assert 1 <= len(final.tokens) <= 24
    assert len(final.tokens) == len(final.pieces) == len(final.token_uncertainty)
    assert all(0 <= value <= 1 for value in final.token_uncertainty)
    assert 0 <= final.uncertainty <= 1
    assert final.model == "base"
    assert "weak" in final.warning


def test_a_seed_fixes_every_token(real):
    first = final_of(real, asked(temperature=0.9, seed=7))
    assert final_of(real, asked(temperature=0.9, seed=7)).tokens == first.tokens
    assert final_of(real, asked(temperature=0.9, seed=8)).tokens != first.tokens


def test_a_hole_is_filled_with_as_many_tokens_as_asked(real):
    hole = Hole(before="The old man looked at the", after=" and went home.", tokens=4)
    final = final_of(real, Request(request_id=uuid.uuid4().hex, hole=hole))
    assert (final.stopped, len(final.tokens)) == ("hole", 4)


def test_a_running_generation_can_be_withdrawn(real):
    with real.client() as client:
        with closing(client.generate(asked(max_tokens=2048, temperature=1.0))) as events:
            next(events)
            next(events)
        wait_until(lambda: client.status().running == 0)


def test_a_memory_is_shown_to_the_model_and_named(real):
    with real.client() as client:
        [name] = client.remember([("The old man lived in a lighthouse by the sea.", "")])
    final = final_of(real, replace(asked("The old man lived in a lighthouse"), memories=1))
    assert final.memories == (name,)


@pytest.mark.skipif(sys.platform != "linux", reason="a process' maps are read from /proc")
def test_the_serving_process_never_holds_torch(real):
    final_of(real, asked())
    maps = Path(f"/proc/{real.pid}/maps").read_text()
    assert "_skeleton" in maps
    assert "torch" not in maps
    with real.client() as client:
        assert client.status().backend == "native"
