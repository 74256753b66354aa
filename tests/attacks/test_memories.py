"""Memories against kills: whatever was acknowledged is there afterwards, to the letter."""

import random
import threading
import time

from brain.base.errors import AiosError
from tests.integration.daemons import PACED, Daemon, short_home, wait_until

KILLS = 12


def remember_until_killed(made, sent, kept):
    """Remember one memory after another; a name goes to ``kept`` only once the daemon has answered."""
    with made.client() as client:
        while True:
            number = len(sent)
            text = f"fact number {number}: " + "x" * (number * 37 % 3000)
            sent.append(text)
            try:
                [name] = client.remember([(text, f"source {number}")])
            except AiosError:
                return
            kept[name] = text


def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged():
    home, chance = short_home(), random.Random(1)
    kept, sent = {}, []
    for _ in range(KILLS):
        made = Daemon(home, program=PACED).wait_serving()
        before = len(kept)
        writers = [threading.Thread(target=remember_until_killed, args=(made, sent, kept)) for _ in range(2)]
        for writer in writers:
            writer.start()
        wait_until(lambda before=before: len(kept) > before)
        time.sleep(chance.random() * 0.2)
        made.kill()
        for writer in writers:
            writer.join(20)
    made = Daemon(home, program=PACED).wait_serving()
    try:
        with made.client() as client:
            held = client.status().memories
            found = {}
            for text in kept.values():
                found |= {memory.name: memory for memory in client.recall(text, 3)}
        lost = {name for name, text in kept.items() if name not in found or found[name].text != text}
        assert not lost
        assert len(kept) >= KILLS
        # What was sent but not acknowledged may be there or not; nothing else may.
        assert len(kept) <= held <= len(sent)
    finally:
        made.end()


def test_memories_of_one_call_are_kept_all_or_none():
    home = short_home()
    for _ in range(3):
        made = Daemon(home, program=PACED).wait_serving()

        def many(made=made):
            with made.client() as client:
                try:
                    while True:
                        client.remember([(f"one of fifty {number}", "") for number in range(50)])
                except AiosError:
                    return

        writer = threading.Thread(target=many)
        writer.start()
        wait_until(lambda made=made: made.client().status().memories > 0)
        time.sleep(0.05)
        made.kill()
        writer.join(20)
    made = Daemon(home, program=PACED).wait_serving()
    try:
        with made.client() as client:
            assert client.status().memories % 50 == 0
    finally:
        made.end()


def test_a_store_of_another_embedder_is_refused_with_a_hint():
    from brain.native.storage import Store

    home = short_home()
    first = Daemon(home, program=PACED)
    first.wait_serving().end()
    for path in first.places.memories.iterdir():
        path.unlink()
    Store.open(first.places.memories, "another-embedder", 8).close()
    second = Daemon(home, program=PACED)
    _, err = second.process.communicate(timeout=20)
    assert second.process.returncode == 4
    assert "another-embedder" in err
    assert "hint: " in err


def test_a_damaged_store_is_told_and_not_mended():
    home = short_home()
    first = Daemon(home, program=PACED).wait_serving()
    with first.client() as client:
        client.remember([("to be damaged " * 20, "") for _ in range(20)])
    first.end()
    [log] = [path for path in first.places.memories.iterdir() if path.stat().st_size > 4096]
    data = bytearray(log.read_bytes())
    data[40] ^= 0xFF
    log.write_bytes(data)
    second = Daemon(home, program=PACED)
    _, err = second.process.communicate(timeout=20)
    assert second.process.returncode == 5
    assert log.name in err
    assert log.read_bytes() == bytes(data)
