"""There and back again: what a client sends is what the engine is asked, and the other way round."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from brain.base.messages import (
    EVERYDAY,
    ORDERS,
    WAYS,
    Accepted,
    Hole,
    PartialState,
    Place,
    Request,
    Response,
    Settings,
    Timings,
)
from brain.base.reports import Memory, ModelReport, Status
from brain.client import convert as client
from brain.services import convert as service
from brain.wire.aios.v1 import generation_pb2

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SHARE = st.floats(0, 1, width=32)
COUNT = st.integers(0, 2**32 - 1)
SECONDS = st.floats(0, 1e6)
SETTINGS = st.builds(
    Settings,
    way=st.sampled_from(WAYS),
    order=st.sampled_from(ORDERS),
    block=COUNT,
    steps=COUNT,
    entropy_bound=SHARE,
    temperature=SHARE,
    min_p=SHARE,
    max_tokens=COUNT,
    seed=st.integers(0, 2**64 - 1),
)
PLACES = st.builds(Place, TEXT, st.booleans(), SHARE)
STATES = st.builds(PartialState, COUNT, COUNT, TEXT, st.lists(PLACES, max_size=4).map(tuple))
RESPONSES = st.builds(
    Response,
    request_id=TEXT,
    text=TEXT,
    tokens=st.lists(COUNT, max_size=4).map(tuple),
    pieces=st.lists(TEXT, max_size=4).map(tuple),
    uncertainty=SHARE,
    token_uncertainty=st.lists(SHARE, max_size=4).map(tuple),
    passes=COUNT,
    stopped=TEXT,
    model=TEXT,
    brain=TEXT,
    timings=st.builds(Timings, SECONDS, SECONDS, SECONDS),
    memories=st.lists(TEXT, max_size=3).map(tuple),
    warning=TEXT,
)


@given(SETTINGS, TEXT, st.lists(TEXT, max_size=4).map(tuple), st.booleans(), COUNT)
def test_a_request_arrives_as_it_was_sent(settings, text, turns, chat, memories):
    request = Request(
        request_id="a", prompt=text, chat=chat, turns=turns, memories=memories, deadline_s=9.0, settings=settings
    )
    assert service.generate_request(client.generate_request(request), "a", 9.0) == request


@given(SETTINGS, TEXT, TEXT, COUNT)
def test_a_hole_arrives_as_it_was_sent(settings, before, after, tokens):
    hole = Hole(before=before, after=after, tokens=tokens)
    request = Request(request_id="a", hole=hole, deadline_s=9.0, settings=settings)
    assert service.infill_request(client.infill_request(request), "a", 9.0) == request


@given(st.one_of(STATES, RESPONSES, st.builds(Accepted, TEXT, COUNT)))
def test_an_event_arrives_as_it_was_said(event):
    assert client.event(service.generate_response(event)) == event
    assert client.event(service.infill_response(event)) == event


def test_an_event_of_a_kind_not_known_yet_is_passed_over():
    assert client.event(generation_pb2.GenerateResponse()) is None


def test_unset_settings_are_the_daemons_and_models_may_be_named_in_full():
    request = service.generate_request(generation_pb2.GenerateRequest(prompt="p", model="models/base"), "a", 1.0)
    assert request == Request(request_id="a", prompt="p", model="base", deadline_s=1.0, settings=EVERYDAY)
    wire = generation_pb2.GenerateRequest(prompt="p", settings=generation_pb2.DecodeSettings(temperature=0.0, block=0))
    assert service.generate_request(wire, "a", 1.0).settings == replace(EVERYDAY, temperature=0.0, block=0)


def test_reports_arrive_as_they_were_told():
    memory = Memory("memories/1", "text", "source", 12.5, 0.5)
    assert client.memory(service.recall_response([memory]).memories[0]) == memory
    model = ModelReport("models/a", 35, 15, "int2.g64.r16", True, False, "weak", "broken")
    assert client.model(service.models_response([model]).models[0]) == model
    status = Status(
        state="serving",
        pid=7,
        version="1",
        brain="b",
        model="base",
        backend="native",
        uptime_s=1.5,
        resident_bytes=2**40,
        running=1,
        queued=2,
        finished=3,
        failed=4,
        cancelled=5,
        memories=6,
        memory_bytes=7,
        cpu="avx2",
        recent_uncertainty=-1.0,
    )
    assert client.status(service.status_response(status)) == status
