"""The line in front of the worker: order, bounds, names."""

import asyncio

import pytest

from brain.base.errors import Conflict, ResourceExhausted
from brain.engine.queue import Queue


def on_a_loop(story):
    return asyncio.run(story())


def test_the_first_starts_at_once_and_the_others_are_told_how_many_are_before_them():
    async def story():
        queue = Queue(waiting_limit=2)
        tickets = [queue.join(name) for name in "abc"]
        assert [ticket.position for ticket in tickets] == [0, 1, 2]
        assert [ticket.ready.done() for ticket in tickets] == [True, False, False]
        assert (queue.running, queue.waiting) == (1, 2)

    on_a_loop(story)


def test_places_are_given_in_the_order_of_arrival():
    async def story():
        queue = Queue(waiting_limit=9)
        tickets = [queue.join(name) for name in "abcd"]
        queue.leave(tickets[2])  # one that waits goes away
        for ticket in (tickets[0], tickets[1], tickets[3]):
            assert ticket.ready.done()
            queue.leave(ticket)
        assert (queue.running, queue.waiting) == (0, 0)
        await asyncio.wait_for(queue.emptied(), 1)

    on_a_loop(story)


def test_a_full_line_refuses_and_takes_again_after_one_left():
    async def story():
        queue = Queue(waiting_limit=1)
        first, _second = queue.join("a"), queue.join("b")
        with pytest.raises(ResourceExhausted) as caught:
            queue.join("c")
        assert caught.value.retryable
        queue.leave(first)
        queue.join("c")

    on_a_loop(story)


def test_a_name_is_taken_only_while_its_call_lasts():
    async def story():
        queue = Queue(waiting_limit=4)
        first = queue.join("a")
        waiting = queue.join("b")
        for name in "ab":
            with pytest.raises(Conflict):
                queue.join(name)
        queue.leave(waiting)
        queue.leave(first)
        assert queue.join("a").ready.done()

    on_a_loop(story)


def test_leaving_twice_gives_back_one_place_only():
    async def story():
        queue = Queue(waiting_limit=4)
        first = queue.join("a")
        queue.leave(first)
        second = queue.join("a")
        queue.leave(first)
        assert queue.running == 1
        with pytest.raises(Conflict):
            queue.join("a")
        queue.leave(second)
        assert queue.running == 0

    on_a_loop(story)


def test_several_slots_run_together():
    async def story():
        queue = Queue(waiting_limit=1, slots=2)
        assert [queue.join(name).position for name in "abc"] == [0, 0, 2]
        assert queue.running == 2

    on_a_loop(story)
