"""One worker, many callers: what comes out of a stream, and when a slot is free again."""

import asyncio
import threading
from contextlib import aclosing
from dataclasses import replace

import pytest

from brain.base.clock import SystemClock
from brain.base.errors import (
    Cancelled,
    Conflict,
    CorruptData,
    DeadlineExceeded,
    InternalError,
    InvalidInput,
    NotFound,
    ResourceExhausted,
    Unreachable,
)
from brain.base.messages import Accepted, PartialState, Request, Response, Settings
from brain.conditioning.retrieval import Retrieved
from brain.engine.brain import Brain, OneBrain
from brain.engine.engine import Engine, Limits
from brain.engine.models import Shelf
from brain.native.cancel import CancelToken
from tests import paced


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "score.json").write_text("{}")
    return Shelf((tmp_path,), "one", paced.load)


def engine_of(shelf, generate=paced.generate, retrieve=lambda request, model: Retrieved(), **limits):
    return Engine(
        shelf=shelf,
        brains=OneBrain(Brain("0123456789ab", generate, retrieve)),
        new_cancel=CancelToken,
        clock=SystemClock(),
        limits=Limits(**{"canvas_fps": 240.0} | limits),
    )


def asked(name="a", steps=3, pause_s=0.0, prompt="one two three", **more):
    return Request(request_id=name, prompt=prompt, settings=Settings(max_tokens=steps, min_p=pause_s), **more)


async def all_of(engine, request):
    async with aclosing(engine.submit(request)) as events:
        return [event async for event in events]


async def until(condition, within_s=5.0):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.002)


def test_a_stream_is_accepted_then_states_then_one_response(shelf):
    async def story():
        engine = engine_of(shelf)
        events = await all_of(engine, asked(steps=4, pause_s=0.03))
        assert events[0] == Accepted("a", 0)
        assert all(isinstance(event, PartialState) for event in events[1:-1])
        assert len(events) > 2
        final = events[-1]
        assert (final.request_id, final.model, final.brain) == ("a", "one", "0123456789ab")
        assert final.warning == paced.WARNING
        assert 0 <= final.timings.queued_s <= final.timings.first_state_s <= final.timings.total_s
        assert engine.recent_uncertainty == paced.UNCERTAINTY
        assert (engine.counts.finished, engine.counts.failed, engine.counts.cancelled) == (1, 0, 0)
        engine.close()

    asyncio.run(story())


def test_a_second_call_waits_for_the_first_and_is_told_so(shelf):
    async def story():
        engine = engine_of(shelf)
        first = asyncio.create_task(all_of(engine, asked("a", pause_s=0.05)))
        await until(lambda: engine.running == 1)
        second = await all_of(engine, asked("b"))
        assert second[0] == Accepted("b", 1)
        assert (await first)[-1].timings.total_s <= second[-1].timings.total_s + 1
        assert first.done()
        assert second[-1].timings.queued_s > 0
        engine.close()

    asyncio.run(story())


def test_a_slow_reader_misses_states_but_not_the_response(shelf):
    async def story():
        engine = engine_of(shelf)
        async with aclosing(engine.submit(asked(steps=200))) as events:
            await anext(events)
            states = [await anext(events)]
            await until(lambda: engine.running == 0)  # the slot is free although nobody reads
            rest = [event async for event in events]
        assert isinstance(rest[-1], Response)
        assert rest[-1].passes == 200
        assert len(states + rest[:-1]) <= 3
        engine.close()

    asyncio.run(story())


def test_closing_a_stream_frees_its_slot_after_the_step_in_flight(shelf):
    async def story():
        engine = engine_of(shelf)
        async with aclosing(engine.submit(asked(steps=2048, pause_s=0.01))) as events:
            await anext(events)
            await anext(events)
        await until(lambda: engine.running == 0, within_s=2)
        assert engine.counts.cancelled == 1
        assert (await all_of(engine, asked("a")))[-1].text
        engine.close()

    asyncio.run(story())


def test_a_caller_that_goes_away_while_waiting_leaves_the_line(shelf):
    async def story():
        engine = engine_of(shelf)
        first = asyncio.create_task(all_of(engine, asked("a", steps=20, pause_s=0.02)))
        await until(lambda: engine.running == 1)
        second = asyncio.create_task(all_of(engine, asked("b")))
        await until(lambda: engine.waiting == 1)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert engine.waiting == 0
        await first
        assert (engine.counts.finished, engine.counts.cancelled) == (2, 1)
        engine.close()

    asyncio.run(story())


def test_a_deadline_ends_a_call_that_runs_and_one_that_waits(shelf):
    async def story():
        engine = engine_of(shelf)
        long = asyncio.create_task(all_of(engine, asked("a", steps=2048, pause_s=0.01, deadline_s=0.6)))
        await until(lambda: engine.running == 1)
        with pytest.raises(DeadlineExceeded):
            await all_of(engine, asked("b", deadline_s=0.1))
        with pytest.raises(DeadlineExceeded):
            await long
        await until(lambda: engine.running == 0)
        assert engine.counts.cancelled == 2
        engine.close()

    asyncio.run(story())


def test_a_running_name_is_a_conflict_and_a_full_line_refuses(shelf):
    async def story():
        engine = engine_of(shelf, queue_length=1)
        tasks = []
        for name in "ab":
            tasks.append(asyncio.create_task(all_of(engine, asked(name, steps=10, pause_s=0.02))))
            await until(lambda: engine.running + engine.waiting == len(tasks))
        with pytest.raises(Conflict):
            await all_of(engine, asked("b"))
        with pytest.raises(ResourceExhausted):
            await all_of(engine, asked("c"))
        await asyncio.gather(*tasks)
        engine.close()

    asyncio.run(story())


def test_what_a_generation_raises_reaches_the_caller_and_the_next_call_runs(shelf):
    async def story():
        engine = engine_of(shelf)
        with pytest.raises(CorruptData):
            await all_of(engine, asked(prompt="corrupt"))
        with pytest.raises(RuntimeError, match=paced.SECRET):
            await all_of(engine, asked(prompt="raise"))
        with pytest.raises(NotFound):
            await all_of(engine, asked(model="two"))
        with pytest.raises(InvalidInput):
            await all_of(engine, asked(steps=0))
        assert engine.counts.failed == 3
        assert (await all_of(engine, asked()))[-1].text
        engine.close()

    asyncio.run(story())


def test_a_generation_that_ends_without_a_response_is_our_fault(shelf):
    async def story():
        engine = engine_of(shelf, generate=lambda *given: iter(()))
        with pytest.raises(InternalError):
            await all_of(engine, asked())
        engine.close()

    asyncio.run(story())


def test_memories_are_shown_to_the_generation_and_named_in_the_response(shelf):
    async def story():
        shown = Retrieved(("memories/01",), ("the sea is cold",))
        engine = engine_of(shelf, retrieve=lambda request, model: shown if request.memories else Retrieved())
        final = (await all_of(engine, asked(memories=1)))[-1]
        assert final.memories == ("memories/01",)
        assert "the sea is cold" in final.warning
        assert (await all_of(engine, asked()))[-1].memories == ()
        engine.close()

    asyncio.run(story())


def test_a_drain_refuses_new_calls_and_lets_the_running_one_finish(shelf):
    async def story():
        engine = engine_of(shelf)
        running = asyncio.create_task(all_of(engine, asked("a", steps=10, pause_s=0.02)))
        await until(lambda: engine.running == 1)
        drained = asyncio.create_task(engine.drain(within_s=5))
        await until(lambda: engine.draining)
        with pytest.raises(Unreachable):
            await all_of(engine, asked("b"))
        assert isinstance((await running)[-1], Response)
        await drained
        engine.close()

    asyncio.run(story())


def test_a_drain_withdraws_what_does_not_end_in_time(shelf):
    async def story():
        engine = engine_of(shelf)
        tasks = [asyncio.create_task(all_of(engine, asked(name, steps=2048, pause_s=0.01))) for name in "ab"]
        await until(lambda: engine.running + engine.waiting == 2)
        await engine.drain(within_s=0.1)
        for task in tasks:
            with pytest.raises(Cancelled):
                await task
        engine.close()

    asyncio.run(story())


def test_generations_never_run_side_by_side(shelf):
    inside = threading.Semaphore(1)

    def alone(*given):
        assert inside.acquire(blocking=False)
        try:
            yield from paced.generate(*given)
        finally:
            inside.release()

    async def story():
        engine = engine_of(shelf, generate=alone)
        calls = [all_of(engine, replace(asked(f"c{number}"), deadline_s=30)) for number in range(8)]
        finals = [events[-1] for events in await asyncio.gather(*calls)]
        assert all(isinstance(final, Response) for final in finals)
        engine.close()

    asyncio.run(story())
