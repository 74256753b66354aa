"""What may enter the engine: every field of a request at its limits, just beyond them, and far away."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import InvalidInput
from brain.base.messages import Hole, Request, Settings
from brain.engine.admission import TEXT_LIMIT_BYTES, admit, text_bytes

GOOD = Request(request_id="a", prompt="once")


def refused(request, max_deadline_s=600.0):
    with pytest.raises(InvalidInput) as caught:
        admit(request, max_deadline_s)
    assert caught.value.field
    return caught.value


def setting(**changes):
    return replace(GOOD, settings=replace(Settings(), **changes))


@pytest.mark.parametrize(
    ("name", "low", "high", "beyond"),
    [
        ("block", 2, 64, (0, 1, 65, 2**32)),
        ("steps", 1, 64, (0, 65)),
        ("entropy_bound", 0.0, 10.0, (-0.1, 10.1, math.nan, math.inf, -math.inf)),
        ("temperature", 0.0, 10.0, (-1.0, 11.0, math.nan, math.inf)),
        ("min_p", 0.0, 1.0, (-0.01, 1.01, math.nan)),
        ("max_tokens", 1, 2048, (0, 2049)),
        ("seed", 0, 2**64 - 1, (-1, 2**64)),
    ],
)
def test_a_setting_is_taken_up_to_its_limits_and_refused_by_name_beyond(name, low, high, beyond):
    admit(setting(**{name: low}), 600)
    admit(setting(**{name: high}), 600)
    for value in beyond:
        error = refused(setting(**{name: value}))
        assert error.field == f"settings.{name}"
        assert str(low) in error.hint


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (replace(GOOD, settings=Settings(way="guess")), "settings.way"),
        (replace(GOOD, settings=Settings(order="upwards")), "settings.order"),
        (replace(GOOD, settings=Settings(temperature=1e-6)), "settings.temperature"),
        (replace(GOOD, modality="smell"), "modality"),
        (replace(GOOD, request_id=""), "request_id"),
        (replace(GOOD, request_id="../../etc/passwd"), "request_id"),
        (replace(GOOD, request_id="a\n"), "request_id"),
        (replace(GOOD, request_id="x" * 65), "request_id"),
        (replace(GOOD, model="../base"), "model"),
        (replace(GOOD, model="/etc"), "model"),
        (replace(GOOD, memories=17), "memories"),
        (replace(GOOD, memories=-1), "memories"),
        (replace(GOOD, deadline_s=0.0), "deadline_s"),
        (replace(GOOD, deadline_s=-1.0), "deadline_s"),
        (replace(GOOD, deadline_s=601.0), "deadline_s"),
        (replace(GOOD, deadline_s=math.nan), "deadline_s"),
        (replace(GOOD, prompt=""), "prompt"),
        (replace(GOOD, prompt="\ud800"), "prompt"),
        (replace(GOOD, prompt="é" * TEXT_LIMIT_BYTES), "prompt"),
        (replace(GOOD, turns=("a", "b")), "turns"),
        (replace(GOOD, chat=True, turns=("a",)), "turns"),
        (replace(GOOD, chat=True, turns=("a", "")), "turns"),
        (replace(GOOD, chat=True, turns=("a", "b") * 129), "turns"),
        (replace(GOOD, chat=True, turns=("a" * 20_000, "b" * 20_000)), "turns"),
        (Request(request_id="a", hole=Hole(before="", after="")), "before"),
        (Request(request_id="a", hole=Hole(before="before", after="", tokens=257)), "hole_tokens"),
        (Request(request_id="a", hole=Hole(before="before", after="", tokens=-1)), "hole_tokens"),
        (Request(request_id="a", hole=Hole(before="b" * 20_000, after="a" * 20_000)), "after"),
        (Request(request_id="a", prompt="p", hole=Hole(before="b", after="a")), "prompt"),
    ],
)
def test_what_no_engine_could_run_is_refused_with_its_field(request_, field):
    assert refused(request_).field == field


def test_ordinary_requests_are_admitted():
    admit(GOOD, 600)
    admit(replace(GOOD, prompt="\0 \u202e ", memories=16, model="my-model.v2"), 600)
    admit(replace(GOOD, chat=True, turns=("hello", "hi")), 600)
    admit(Request(request_id="a", hole=Hole(before="before", after="")), 600)
    admit(Request(request_id="a", hole=Hole(before="", after="after")), 600)


@given(st.text(max_size=200))
def test_the_length_of_a_text_is_that_of_its_bytes(text):
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        with pytest.raises(InvalidInput):
            text_bytes("prompt", text, least=0, most=10_000)
        return
    assert text_bytes("prompt", text, least=0, most=10_000) == length


def test_a_long_wrong_word_is_not_repeated_whole():
    assert len(refused(replace(GOOD, modality="x" * 10_000)).message) < 200
