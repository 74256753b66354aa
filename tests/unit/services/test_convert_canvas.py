"""There and back again for pictures, speech and plans: what a client sends is what the engine is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import InvalidInput
from brain.base.messages import (
    FLOWS,
    PICTURE_FLOW,
    ROUTE_FLOW,
    SPEECH_FLOW,
    TIME_GRIDS,
    Accepted,
    CanvasRequest,
    CanvasResponse,
    CanvasState,
    FlowSettings,
    Picture,
    Route,
    Speech,
    Timings,
)
from brain.client import convert_canvas as client
from brain.services import convert_canvas as service
from brain.wire.aios.v1 import generation_pb2

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
BYTES = st.binary(max_size=40)
SHARE = st.floats(0, 1, width=32)
COUNT = st.integers(0, 2**32 - 1)
SECONDS = st.floats(0, 1e6)
CELL = st.tuples(COUNT, COUNT)
FLOW = st.builds(
    FlowSettings,
    sampler=st.sampled_from(FLOWS),
    steps=COUNT,
    guidance=SHARE,
    grid=st.sampled_from(TIME_GRIDS),
    times=st.lists(st.floats(0, 1), max_size=4).map(tuple),
    seed=st.integers(0, 2**64 - 1),
)
PICTURES = st.builds(Picture, caption=TEXT, style=TEXT, source=BYTES, mask=BYTES, strength=SHARE)
STATES = st.builds(CanvasState, COUNT, COUNT, COUNT, BYTES)
RESPONSES = st.builds(
    CanvasResponse,
    request_id=TEXT,
    kind=TEXT,
    media_type=TEXT,
    data=BYTES,
    passes=COUNT,
    seed=st.integers(0, 2**64 - 1),
    model=TEXT,
    brain=TEXT,
    timings=st.builds(Timings, SECONDS, SECONDS, SECONDS),
    uncertainty=st.none() | SHARE,
    warning=TEXT,
)


def request_of(subject, flow, watch=0):
    return CanvasRequest(request_id="a", subject=subject, deadline_s=9.0, flow=flow, watch=watch)


@given(PICTURES, FLOW, COUNT)
def test_a_picture_arrives_as_it_was_asked_for(picture, flow, watch):
    request = request_of(picture, flow, watch)
    assert service.draw_request(client.canvas_request(request), "a", 9.0) == request


@given(TEXT, FLOW, COUNT)
def test_speech_arrives_as_it_was_asked_for(text, flow, watch):
    request = request_of(Speech(text), flow, watch)
    assert service.speak_request(client.canvas_request(request), "a", 9.0) == request


@given(TEXT, CELL, CELL, FLOW)
def test_a_route_arrives_as_it_was_asked_for(maze, start, goal, flow):
    request = request_of(Route(maze, start, goal), flow)
    assert service.plan_request(client.canvas_request(request), "a", 9.0) == request


@given(st.one_of(STATES, RESPONSES, st.builds(Accepted, TEXT, COUNT)))
def test_an_event_arrives_as_it_was_said(event):
    for said in (service.draw_response, service.speak_response, service.plan_response):
        assert client.event(said(event)) == event


def test_an_event_of_a_kind_not_known_yet_is_passed_over():
    assert client.event(generation_pb2.DrawResponse()) is None


def test_what_is_unset_is_the_daemons_for_that_kind():
    drawn = service.draw_request(generation_pb2.DrawRequest(caption="c", model="models/base"), "a", 1.0)
    assert drawn == CanvasRequest(
        request_id="a", subject=Picture(caption="c"), model="base", deadline_s=1.0, flow=PICTURE_FLOW
    )
    plain = generation_pb2.DrawRequest(caption="c", style="")
    assert service.draw_request(plain, "a", 1.0).subject.style == ""
    assert service.speak_request(generation_pb2.SpeakRequest(text="t"), "a", 1.0).flow == SPEECH_FLOW
    assert service.plan_request(generation_pb2.PlanRequest(maze="m"), "a", 1.0).flow == ROUTE_FLOW


@pytest.mark.parametrize(
    ("subject", "flow", "field"),
    [
        (Picture(caption="\ud800"), FlowSettings(), "caption"),
        (Picture(caption="c"), FlowSettings(steps=-1), "steps"),
        (Picture(caption="c"), FlowSettings(seed=2**64), "seed"),
        (Route("m", (-1, 0), (0, 0)), FlowSettings(), "start"),
        (Route("m", (0, 0), (0, 2**33)), FlowSettings(), "goal"),
    ],
)
def test_what_the_wire_cannot_hold_is_refused_by_its_field(subject, flow, field):
    with pytest.raises(InvalidInput) as refused:
        client.canvas_request(request_of(subject, flow))
    assert refused.value.field == field
