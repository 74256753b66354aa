"""Generations over a real socket: streams, cancellation, deadlines, slow readers, names, faults."""

import threading
import time
import uuid
from contextlib import closing, suppress

import pytest

from brain.base.errors import (
    Conflict,
    CorruptData,
    DeadlineExceeded,
    InternalError,
    InvalidInput,
    NotFound,
    ResourceExhausted,
)
from brain.base.messages import Accepted, Hole, PartialState, Request, Response, Settings
from tests import paced
from tests.integration.daemons import wait_until


def asked(prompt="one two three", steps=3, pause_s=0.0, **more):
    settings = Settings(max_tokens=steps, min_p=pause_s)
    return Request(**({"request_id": uuid.uuid4().hex, "prompt": prompt, "settings": settings} | more))


def idle(client):
    wait_until(lambda: (status := client.status()).running == 0 and status.queued == 0)


def test_a_generation_is_accepted_shows_states_and_ends_with_one_response(client):
    request = asked(steps=5, pause_s=0.05)
    first, *states, final = list(client.generate(request))
    assert first == Accepted(request.request_id, 0)
    assert states
    assert all(isinstance(state, PartialState) for state in states)
    assert [state.step for state in states] == sorted({state.step for state in states})
    assert isinstance(final, Response)
    assert final.request_id == request.request_id
    assert final.text == " two three one two three"
    assert len(final.tokens) == len(final.pieces) == len(final.token_uncertainty) == 5
    assert (final.model, len(final.brain)) == ("base", 12)
    assert 0 < final.timings.first_state_s <= final.timings.total_s


def test_an_infill_is_a_stream_of_the_same_kind(client):
    request = asked(prompt="", hole=Hole(before="left", after="right", tokens=2))
    *_, final = list(client.generate(request))
    assert (final.stopped, final.text) == ("hole", " left left left")


def test_remembered_words_are_shown_to_a_generation_that_asks_for_them(client):
    [name] = client.remember([("zebras graze in the morning", "")])
    *_, final = list(client.generate(asked(prompt="zebras graze", memories=1)))
    assert final.memories == (name,)
    assert "zebras graze in the morning" in final.warning
    *_, final = list(client.generate(asked(prompt="zebras graze")))
    assert final.memories == ()


def test_closing_a_stream_frees_its_slot(client):
    cancelled = client.status().cancelled
    with closing(client.generate(asked(steps=2048, pause_s=0.02))) as events:
        next(events)
        next(events)
    idle(client)
    assert client.status().cancelled == cancelled + 1


def test_a_client_that_dies_frees_its_slot(paced_daemon, client):
    other = paced_daemon.client()
    events = other.generate(asked(steps=2048, pause_s=0.02))
    next(events)
    next(events)
    other.close()
    idle(client)


def test_a_deadline_ends_a_call_in_time_and_frees_its_slot(client):
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        list(client.generate(asked(steps=2048, pause_s=0.02, deadline_s=0.3)))
    assert time.monotonic() - begun < 5
    idle(client)


def test_a_reader_that_stops_reading_loses_states_but_not_the_response(client):
    events = client.generate(asked(prompt="grow", steps=300, pause_s=0.001))
    next(events)
    next(events)
    idle(client)  # the slot is free although megabytes of states were not read
    rest = list(events)
    assert isinstance(rest[-1], Response)
    assert rest[-1].passes == 300
    assert len(rest) < 290


def test_a_running_name_is_refused_and_may_be_used_again_later(client):
    request = asked(steps=2048, pause_s=0.02)
    with closing(client.generate(request)) as events:
        next(events)
        with pytest.raises(Conflict) as caught:
            list(client.generate(request))
        assert request.request_id in caught.value.message
        assert caught.value.hint
    idle(client)
    short = asked(request_id=request.request_id)
    assert isinstance(list(client.generate(short))[-1], Response)


def test_a_call_without_a_name_is_given_one(client):
    first, *_, final = list(client.generate(asked(request_id="")))
    assert first.request_id == final.request_id != ""


def test_calls_in_line_are_told_their_place_and_a_full_line_refuses(client):
    running = client.generate(asked(steps=2048, pause_s=0.01))
    next(running)
    waiting = [client.generate(asked()) for _ in range(2)]
    assert [next(events).queue_position for events in waiting] == [1, 2]
    status = client.status()
    assert (status.running, status.queued) == (1, 2)
    with pytest.raises(ResourceExhausted) as caught:
        list(client.generate(asked()))
    assert caught.value.retryable
    running.close()
    assert all(isinstance(list(events)[-1], Response) for events in waiting)
    idle(client)


def test_many_clients_at_once_are_all_served(paced_daemon):
    finals = []

    def one():
        with paced_daemon.client() as client:
            for _ in range(100):
                with suppress(ResourceExhausted):
                    finals.append(list(client.generate(asked()))[-1])
                    break
                time.sleep(0.02)

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(finals) == 12
    assert all(isinstance(final, Response) for final in finals)


def test_named_errors_arrive_whole(client):
    with pytest.raises(CorruptData) as caught:
        list(client.generate(asked(prompt="corrupt")))
    assert (caught.value.message, caught.value.hint) == ("the weights end too early", "import the model again")
    with pytest.raises(InvalidInput) as invalid:
        list(client.generate(asked(steps=4000)))
    assert invalid.value.field == "settings.max_tokens"
    with pytest.raises(NotFound) as missing:
        list(client.generate(asked(model="nobody")))
    assert missing.value.field == "model"
    assert "base" in missing.value.hint


def test_an_unknown_exception_reaches_no_client_as_text(paced_daemon, client):
    failed = client.status().failed
    with pytest.raises(InternalError) as caught:
        list(client.generate(asked(prompt="raise")))
    told = str(caught.value)
    assert paced.SECRET not in told
    assert "RuntimeError" not in told
    error_id = caught.value.message.split()[-1]
    line = next(line for line in paced_daemon.log().splitlines() if error_id in line)
    assert "RuntimeError" in line
    assert paced.SECRET not in line
    assert client.status().failed == failed + 1


def test_the_log_holds_no_prompt(paced_daemon, client):
    list(client.generate(asked(prompt="a very private sentence")))
    log = paced_daemon.log()
    assert "private" not in log
    assert "prompt_sha256" in log
    assert '"prompt_bytes": 23' in log


def test_what_a_wire_cannot_hold_is_refused_before_it_is_sent(client):
    for wrong in (asked(steps=-1), asked(prompt="\ud800"), asked(memories=1 << 40)):
        with pytest.raises(InvalidInput):
            list(client.generate(wrong))


def test_status_and_models_answer_while_a_generation_runs(client):
    with closing(client.generate(asked(steps=2048, pause_s=0.02))) as events:
        next(events)
        status = client.status()
        assert (status.state, status.running, status.model) == ("serving", 1, "base")
        assert status.resident_bytes > 1 << 20
        assert status.uptime_s > 0
        assert [model.name for model in client.models()] == ["models/base"]
    idle(client)
