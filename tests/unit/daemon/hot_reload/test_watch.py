"""Bursts of changes are one, what no event tells of is found all the same, nobody is kept ready for nothing."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from brain.daemon.hot_reload.watch import Watch


class Heard:
    def __init__(self):
        self.told = []

    def as_(self, word):
        async def tell():
            self.told.append(word)

        return tell


@contextlib.asynccontextmanager
async def watching(folder, **times):
    heard = Heard()
    with ThreadPoolExecutor(1) as executor:
        watch = Watch(
            folder,
            executor,
            touched=heard.as_("touched"),
            settled=heard.as_("settled"),
            rested=heard.as_("rested"),
            **{"poll_s": 60, "rest_s": 60} | times,
        )
        task = asyncio.ensure_future(watch.run())
        await until(lambda: "settled" in heard.told)
        heard.told.clear()
        yield heard.told
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition, within_s=20):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_storm_of_saves_is_told_once_it_has_come_to_rest(tmp_path):
    async def story():
        async with watching(tmp_path) as told:
            for number in range(50):
                (tmp_path / "a.py").write_text(f"a = {number}\n")
            await until(lambda: "settled" in told)
            assert told[0] == "touched"
            assert told[1] == "settled"
            assert told.count("settled") <= 3

    asyncio.run(story())


@pytest.mark.parametrize("change", ["rename", "delete", "folder", "temporary"])
def test_every_way_in_which_editors_save_is_heard(tmp_path, change):
    (tmp_path / "a.py").write_text("")

    def save():
        if change == "rename":
            (tmp_path / ".a.py.swp").write_text("a = 1\n")
            (tmp_path / ".a.py.swp").rename(tmp_path / "a.py")
        elif change == "delete":
            (tmp_path / "a.py").unlink()
        elif change == "folder":
            (tmp_path / "deep" / "er").mkdir(parents=True)
        else:
            (tmp_path / "4913").touch()

    async def story():
        async with watching(tmp_path) as told:
            save()
            await until(lambda: "settled" in told)

    asyncio.run(story())


def test_what_no_event_tells_of_is_found_by_the_next_look(tmp_path):
    async def story():
        async with watching(tmp_path / "not there", poll_s=0.05) as told:
            await until(lambda: told.count("settled") >= 3)
            assert "touched" not in told

    asyncio.run(story())


def test_after_a_time_without_changes_nothing_is_kept_ready(tmp_path):
    async def story():
        async with watching(tmp_path, poll_s=0.05, rest_s=0.1) as told:
            (tmp_path / "a.py").write_text("")
            await until(lambda: "rested" in told)
            told.clear()
            await until(lambda: told.count("settled") >= 5)
            assert "rested" not in told
            (tmp_path / "a.py").write_text("a")
            await until(lambda: "touched" in told)

    asyncio.run(story())


def test_reading_a_file_is_no_change(tmp_path):
    (tmp_path / "a.py").write_text("")

    async def story():
        async with watching(tmp_path, poll_s=0.3) as told:
            (tmp_path / "a.py").read_text()
            await until(lambda: told.count("settled") >= 2)
            assert "touched" not in told

    asyncio.run(story())
