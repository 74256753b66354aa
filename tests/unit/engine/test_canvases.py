"""Flows in the engine: the same line, the same promises as text, and what may not enter."""

import asyncio
import math
from contextlib import aclosing
from dataclasses import replace

import pytest

from brain.base.clock import SystemClock
from brain.base.errors import Cancelled, Conflict, DeadlineExceeded, InvalidInput, Unsupported
from brain.base.messages import (
    FLOWS,
    TIME_GRIDS,
    Accepted,
    CanvasRequest,
    CanvasResponse,
    CanvasState,
    FlowSettings,
    Picture,
    Request,
    Route,
    Settings,
    Speech,
)
from brain.conditioning.retrieval import Retrieved
from brain.engine.admission import PICTURE_LIMIT_BYTES, SPEECH_LIMIT_BYTES, admit
from brain.engine.brain import Brain, OneBrain
from brain.engine.engine import Engine, Limits
from brain.engine.models import Shelf
from brain.native.cancel import CancelToken
from brain.noise.continuous import registry as grids
from brain.sampling.continuous import registry as samplers
from tests import paced

GOOD = CanvasRequest(request_id="a", subject=Picture(caption="apple"))


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "score.json").write_text("{}")
    return Shelf((tmp_path,), "one", paced.load)


def engine_of(shelf, draw=paced.draw):
    return Engine(
        shelf=shelf,
        brains=OneBrain(Brain("0123456789ab", paced.generate, lambda request, model: Retrieved(), draw)),
        new_cancel=CancelToken,
        clock=SystemClock(),
        limits=Limits(canvas_fps=240.0),
    )


def asked(name="a", steps=3, pause_s=0.0, **more):
    flow = FlowSettings(steps=steps, guidance=pause_s, seed=5)
    return CanvasRequest(request_id=name, subject=Picture(caption="apple"), flow=flow, **more)


async def all_of(engine, request):
    async with aclosing(engine.submit(request)) as events:
        return [event async for event in events]


async def until(condition, within_s=5.0):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.002)


def test_a_flow_is_accepted_then_states_then_one_response(shelf):
    async def story():
        engine = engine_of(shelf)
        first, *states, final = await all_of(engine, asked(steps=4, pause_s=0.03, watch=1))
        assert first == Accepted("a", 0)
        assert states
        assert all(isinstance(state, CanvasState) and state.preview == b"preview" for state in states)
        assert isinstance(final, CanvasResponse)
        assert (final.request_id, final.model, final.brain, final.seed) == ("a", "one", "0123456789ab", 5)
        assert b"apple" in final.data
        assert final.warning == paced.WARNING
        assert final.timings.total_s >= 0.12
        assert (engine.counts.finished, engine.counts.failed, engine.recent_uncertainty) == (1, 0, -1.0)
        engine.close()

    asyncio.run(story())


def test_text_and_flows_stand_in_one_line(shelf):
    async def story():
        engine = engine_of(shelf)
        first = asyncio.create_task(all_of(engine, asked("a", pause_s=0.05)))
        await until(lambda: engine.running == 1)
        with pytest.raises(Conflict):
            await all_of(engine, asked("a"))
        text = Request(request_id="b", prompt="one two", settings=Settings(max_tokens=2))
        second = await all_of(engine, text)
        assert second[0] == Accepted("b", 1)
        assert first.done()
        assert engine.recent_uncertainty == paced.UNCERTAINTY
        engine.close()

    asyncio.run(story())


def test_a_flow_that_is_withdrawn_or_late_frees_its_slot(shelf):
    async def story():
        engine = engine_of(shelf)
        async with aclosing(engine.submit(asked(steps=200, pause_s=0.01))) as events:
            await anext(events)
            await anext(events)
        await until(lambda: engine.running == 0)
        with pytest.raises((DeadlineExceeded, Cancelled)):
            await all_of(engine, asked(steps=200, pause_s=0.01, deadline_s=0.05))
        assert (engine.counts.finished, engine.counts.cancelled) == (2, 2)
        engine.close()

    asyncio.run(story())


def test_an_engine_without_a_way_to_draw_says_so(shelf):
    async def story():
        engine = engine_of(shelf, draw=None)
        with pytest.raises(Unsupported, match="text alone"):
            await all_of(engine, asked())
        engine.close()

    asyncio.run(story())


def test_the_names_that_a_caller_may_say_are_those_of_the_registries():
    assert set(FLOWS) == set(samplers.FLOWS)
    assert set(TIME_GRIDS) == set(grids.TIME_GRIDS)


@pytest.mark.parametrize(
    ("name", "low", "high", "beyond"),
    [
        ("steps", 1, 256, (0, -1, 257)),
        ("guidance", 0.0, 20.0, (-0.1, 20.1, math.nan, math.inf)),
        ("seed", 0, 2**64 - 1, (-1, 2**64)),
    ],
)
def test_a_flows_setting_is_taken_up_to_its_limits_and_refused_by_name_beyond(name, low, high, beyond):
    for value in (low, high):
        admit(replace(GOOD, flow=FlowSettings(**{name: value})), 600)
    for value in beyond:
        with pytest.raises(InvalidInput) as refused:
            admit(replace(GOOD, flow=FlowSettings(**{name: value})), 600)
        assert refused.value.field == f"flow.{name}"


@pytest.mark.parametrize(
    ("subject", "field"),
    [
        (Picture(caption=""), "caption"),
        (Picture(caption="x" * 513), "caption"),
        (Picture(caption="\ud800"), "caption"),
        (Picture(caption="x", style="y" * 513), "style"),
        (Picture(caption="x", source=b"p" * (PICTURE_LIMIT_BYTES + 1)), "source"),
        (Picture(caption="x", source=b"p", mask=b"p" * (PICTURE_LIMIT_BYTES + 1)), "mask"),
        (Picture(caption="x", mask=b"p"), "source"),
        (Picture(caption="x", strength=0.5), "source"),
        (Picture(caption="x", source=b"p", strength=0.0), "strength"),
        (Picture(caption="x", source=b"p", strength=1.1), "strength"),
        (Picture(caption="x", source=b"p", strength=math.nan), "strength"),
        (Speech(""), "text"),
        (Speech("x" * (SPEECH_LIMIT_BYTES + 1)), "text"),
        (Route("", (0, 0), (0, 0)), "maze"),
        (Route("#" * 2000, (0, 0), (0, 0)), "maze"),
        (Route("m", (-1, 0), (0, 0)), "start"),
        (Route("m", (0, 0), (0, 2**31)), "goal"),
    ],
)
def test_a_subject_that_nothing_could_be_made_of_is_refused_with_its_field(subject, field):
    with pytest.raises(InvalidInput) as refused:
        admit(replace(GOOD, subject=subject), 600)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (replace(GOOD, flow=FlowSettings(sampler="leapfrog")), "flow.sampler"),
        (replace(GOOD, flow=FlowSettings(grid="lunar")), "flow.grid"),
        (replace(GOOD, flow=FlowSettings(times=(0.5,) * 258)), "flow.times"),
        (replace(GOOD, watch=257), "watch"),
        (replace(GOOD, watch=-1), "watch"),
        (replace(GOOD, model="../base"), "model"),
        (replace(GOOD, request_id=""), "request_id"),
        (replace(GOOD, deadline_s=0.0), "deadline_s"),
        (replace(GOOD, deadline_s=601.0), "deadline_s"),
    ],
)
def test_a_flow_that_no_engine_could_run_is_refused_with_its_field(request_, field):
    with pytest.raises(InvalidInput) as refused:
        admit(request_, 600)
    assert refused.value.field == field


def test_ordinary_flows_are_admitted():
    admit(GOOD, 600)
    admit(replace(GOOD, subject=Picture(caption="x", source=b"p", mask=b"p", strength=0.3)), 600)
    admit(replace(GOOD, subject=Speech("Good morning.")), 600)
    admit(replace(GOOD, subject=Route("maze2d-umaze", (1, 1), (3, 3))), 600)
