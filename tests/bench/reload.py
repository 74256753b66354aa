"""Hot reload: a save until it serves, swaps under load, what a swap costs in memory, threads and failed calls.

Alone: ``python tests/bench/reload.py [--quick] [--json]``. The swaps run in this process, on the daemon's own parts
with the shipped model and two callers that never pause; their files have passed a child already, so a swap is what the
daemon itself does: compile, import, short self-test, flip. A tenth of a second lies between two of them. The save runs
against a daemon of its own, child and all.
"""

import asyncio
import gc
import os
import statistics
import tempfile
import threading
import time
import uuid
from contextlib import aclosing
from pathlib import Path

from figures import arguments, line, show

import brain
from brain.base.clock import SystemClock
from brain.base.messages import Request, Response, Settings
from brain.base.paths import Places
from brain.base.settings import DaemonSettings
from brain.client.launch import connect, running
from brain.conditioning.retrieval import Retrieved
from brain.daemon.hot_reload.keeper import Keeper
from brain.daemon.status import resident_bytes
from brain.daemon.system import real_parts
from brain.engine.engine import Engine, Limits
from brain.engine.models import Shelf
from brain.native.cancel import CancelToken

ROOMS = Path(brain.__file__).parent
POLICY = "sampling/policy.py"
WARM = 20
PAUSE_S = 0.1
BLOCK = 25
QUIET_S = 2.0
"""After so many swaps there is none for so long, so that calls without them are measured in the same minutes."""


class Passed:
    """A trial whose child has said yes before the clock began."""

    def prepare(self):
        """Nothing to get ready."""

    def run(self, compiled):
        """Passed."""

    def tidy(self):
        """Nothing to clear away."""

    def rest(self):
        """Nothing to give back."""

    def close(self):
        """Nothing to give back."""


def write(folder, number):
    path = folder / POLICY
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    path.write_text(f"{(ROOMS / POLICY).read_text()}\n# {number}\n")
    path.chmod(0o600)


def parts(home):
    places, made = Places(home, home, home, home, home), real_parts(DaemonSettings())
    shelf = Shelf((ROOMS / "pretrained",), "base", made.load)
    shelf.open()

    def nothing(request, model):
        return Retrieved()

    class Memories:
        def recall(self, query, limit):
            return []

    keeper = Keeper(
        places, ROOMS, generate=made.generate, retrieve=nothing, memories=Memories(), shelf=shelf, trial=Passed()
    )
    clock = SystemClock()
    engine = Engine(shelf=shelf, brains=keeper.versions, new_cancel=CancelToken, clock=clock, limits=Limits())
    return keeper, engine


async def calls(engine, stop, ended):
    while not stop.is_set():
        request = Request(request_id=uuid.uuid4().hex, prompt="The sea", settings=Settings(max_tokens=8))
        begun = time.perf_counter()
        try:
            async with aclosing(engine.submit(request)) as events:
                *_, last = [event async for event in events]
            ended.append((time.perf_counter() - begun, last.brain if isinstance(last, Response) else ""))
        except Exception as error:  # noqa: BLE001  (a failed call is a figure)
            ended.append((time.perf_counter() - begun, error))


def swaps(quick):
    count = 50 if quick else 1000
    with tempfile.TemporaryDirectory() as folder:
        keeper, engine = parts(Path(folder))
        stop, ended, spent, held = threading.Event(), [], [], []

        def swap_all():
            wait_for(ended, 20)
            for number in range(WARM + count):
                if number >= WARM and (number - WARM) % BLOCK == 0:
                    begun = len(ended)
                    time.sleep(QUIET_S)
                    quiet.extend(ended[begun:])
                begun = len(ended)
                write(Path(folder) / "brain", number)
                before = time.perf_counter()
                keeper.reloader.reload()
                spent.append(time.perf_counter() - before)
                if number >= WARM and (number - WARM) % 10 == 0:
                    held.append((number, resident_bytes(), threading.active_count()))
                time.sleep(PAUSE_S)
                during.extend(ended[begun:] if number >= WARM else ())
            stop.set()

        quiet, during = [], []

        async def story():
            swapping = threading.Thread(target=swap_all)
            swapping.start()
            await asyncio.gather(*(calls(engine, stop, ended) for _ in range(2)))
            swapping.join()

        asyncio.run(story())
        yield from figures_of(spent[WARM:], held, quiet, during)
        yield flip(keeper)
        engine.close()
        keeper.close()


def wait_for(ended, count):
    while len(ended) < count:
        time.sleep(0.01)


def figures_of(spent, held, quiet, ended):
    n = len(spent)
    median, worst = (quantile(spent, share) * 1e3 for share in (0.5, 0.99))
    yield line(f"a swap in the daemon, median of {n}", median, None, "", "ms", None)
    yield line("a swap in the daemon, 99th percentile", worst, None, "", "ms", None)
    failed = sum(not isinstance(brain, str) for _, brain in ended)
    yield line(f"failed of {len(ended)} calls meanwhile", failed, None, "", "calls", 0)
    ours, without = (quantile([seconds for seconds, _ in some], 0.99) * 1e3 for some in (ended, quiet))
    yield line("a call while versions swap, 99th percentile", ours, without, "without swaps", "ms", 2.0)
    gc.collect()
    grown = slope([(number, size) for number, size, _ in held]) / 1e3
    yield line("memory a swap", grown, None, "", "kB", 20)
    threads = [number for _, _, number in held]
    yield line("threads more at the end", threads[-1] - threads[0], None, "", "threads", 0)


def flip(keeper):
    """The reference alone: back and forth between two loaded versions."""
    names = [report.version for report in keeper.reloader.reports()][:2]
    spent = []
    for number in range(2000):
        before = time.perf_counter()
        keeper.versions.back_to(names[number % 2])
        spent.append(time.perf_counter() - before)
    return line("the flip alone, 99th percentile", quantile(spent, 0.99) * 1e6, None, "", "us", None)


def quantile(values, share):
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def slope(points):
    """Bytes a swap: the least-squares slope."""
    xs, ys = zip(*points, strict=True)
    x, y = statistics.fmean(xs), statistics.fmean(ys)
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a in xs)


def save_to_serving(quick):
    rounds = 3 if quick else 15
    with tempfile.TemporaryDirectory(prefix="aios-") as folder:
        os.environ["AIOS_HOME"] = folder
        here = Places(*(Path(folder) / name for name in ("data", "cache", "logs", "run", "config")))
        with connect(here) as client:
            spent = [saved(client, here, number) for number in range(rounds + 1)]
            client.shutdown()
        while running(here):
            time.sleep(0.02)
    yield line("the first save until it serves", spent[0] * 1e3, None, "", "ms", None)
    yield line("a later save until it serves, median", statistics.median(spent[1:]) * 1e3, None, "", "ms", 300)


def saved(client, here, number):
    old = client.brains()[0].version
    write(here.brain, number)
    before = time.perf_counter()
    while client.brains()[0].version == old:
        if time.perf_counter() - before > 60:
            raise RuntimeError(f"it never served: {client.brains()}")
        time.sleep(0.002)
    spent = time.perf_counter() - before
    time.sleep(1.5)
    return spent


def main():
    words = arguments(__doc__)
    for part in (swaps, save_to_serving):
        show(part(words.quick), words.json)


if __name__ == "__main__":
    main()
