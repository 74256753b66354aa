"""The daemon: how fast it starts and answers, what it adds to bare gRPC, what it costs while nobody asks.

Alone: ``python tests/bench/daemon.py [--quick] [--json]``. It runs its own daemons in homes of their own.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path

import grpc
from figures import judged

from brain.base.messages import Request, Settings
from brain.base.paths import places
from brain.client.client import Client
from brain.client.launch import connect, running
from brain.wire.aios.v1 import control_pb2, control_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "The old man looked at the sea and"


@contextlib.contextmanager
def home():
    """A home of its own; the daemon that was started in it is stopped at the end."""
    folder = tempfile.mkdtemp(prefix="aios-")
    os.environ["AIOS_HOME"] = folder
    here = places(os.environ, sys.platform, Path.home())
    try:
        yield here
    finally:
        if running(here):
            with Client(here) as client:
                client.shutdown()
        while running(here):
            time.sleep(0.02)
        shutil.rmtree(folder)


def timed(run):
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def start_up(quick):
    times = []
    for _ in range(2 if quick else 5):
        with home() as here:
            times.append(timed(lambda here=here: connect(here).close()))
    imports = statistics.median(timed(lambda: _python("import grpc, numpy")) for _ in range(3))
    ours, name = statistics.median(times), "python that imports grpc and numpy"
    yield judged("start to SERVING, model loaded", ours, imports, name, "s", "< 1.5 s", ours < 1.5)


def _python(program):
    subprocess.run([sys.executable, "-c", program], check=True)


def first_line(words):
    """Seconds from starting the command line to its first partial state on a pipe."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "brain.cli.main", "generate", PROMPT, "--json", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        for said in process.stdout:
            if b'"accepted"' not in said:
                seconds = time.perf_counter() - begun
                process.stdout.read()
                return seconds
    raise RuntimeError("the command line showed no state")


def first_state(quick):
    rounds = 3 if quick else 9
    with home():
        ours = first_line(("--max-tokens", "8"))
        bare = statistics.median(timed(lambda: _python("pass")) for _ in range(rounds))
        yield judged("aios generate to its first state, daemon down", ours, bare, "bare python", "s", "< 2 s", ours < 2)
        ours = statistics.median(first_line(("--max-tokens", "8")) for _ in range(rounds))
        bare = statistics.median(timed(lambda: _python("import grpc")) for _ in range(rounds))
        what, name = "aios generate to its first state, daemon up", "python that imports grpc"
        yield judged(what, ours, bare, name, "s", "< 0.1 s", ours < 0.1)


class Bare(control_pb2_grpc.ControlServiceServicer):
    """The rival: the same message from a server without token, deadline, errors or queue."""

    def __init__(self, answer):
        self.answer = answer

    async def GetStatus(self, request, context):  # noqa: N802
        """The same answer every time."""
        return self.answer


async def serve_bare(socket):
    server = grpc.aio.server()
    control_pb2_grpc.add_ControlServiceServicer_to_server(Bare(control_pb2.GetStatusResponse(state="serving")), server)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    await server.wait_for_termination()


def overhead(quick):
    count = 300 if quick else 2000
    with home() as here, connect(here), tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/bare"
        bare = subprocess.Popen([sys.executable, __file__, "--bare", socket])
        try:
            while not Path(socket).exists():
                time.sleep(0.02)
            token = (("authorization", f"Bearer {here.token.read_text()}"),)
            with grpc.insecure_channel(f"unix:{here.socket}") as a, grpc.insecure_channel(f"unix:{socket}") as b:
                ours, theirs = (control_pb2_grpc.ControlServiceStub(channel).GetStatus for channel in (a, b))
                times = ([], [])
                for _ in range(count):
                    for kept, call in ((times[0], ours), (times[1], theirs)):
                        kept.append(timed(lambda call=call: call(control_pb2.GetStatusRequest(), metadata=token)))
        finally:
            bare.terminate()
            bare.wait()
    mine, rival = (statistics.median(kept[count // 10 :]) * 1e6 for kept in times)
    met = mine - rival <= 150
    yield judged("GetStatus, median", mine, rival, "bare grpc.aio", "microseconds", "<= bare + 150 microseconds", met)


def states_and_cancel(quick):
    firsts, passes, frees = [], [], []
    with home() as here, connect(here) as client:
        for _ in range(8 if quick else 40):
            *_, final = client.generate(asked(32))
            firsts.append(final.timings.first_state_s)
            passes.append(final.timings.total_s / final.passes)
            with closing(client.generate(asked(256))) as events:
                next(events)
                next(events)
            begun = time.perf_counter()
            while client.status().running:
                time.sleep(0.001)
            frees.append(time.perf_counter() - begun)
    first, one, free = (statistics.median(kept) * 1e3 for kept in (firsts, passes, frees))
    # The first state of self-speculation needs two passes: the prompt's and the first draft's.
    bar, met = "< 3 ms + two passes", first < 3 + 2 * one
    yield judged("admission to the first state, the daemon's clock", first, one, "one pass, mean", "ms", bar, met)
    yield judged("cancel to a free slot", free, one, "one pass, mean", "ms", "< 50 ms + a pass", free < 50 + one)


def asked(tokens):
    return Request(request_id=uuid.uuid4().hex, prompt=PROMPT, settings=Settings(max_tokens=tokens))


def _cpu_and_switches(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    switches = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        told = (task / "status").read_text()
        switches += sum(int(row.split()[1]) for row in told.splitlines() if row.startswith("voluntary"))
    return ticks / os.sysconf("SC_CLK_TCK"), switches


def idle(quick):
    seconds = 10 if quick else 60
    with home() as here, connect(here) as client:
        pid = client.status().pid
        empty = client.status().resident_bytes / 1e6
        list(client.generate(asked(64)))
        held = client.status().resident_bytes / 1e6
    with home() as here:
        connect(here).close()
        pid = running(here)
        time.sleep(1)
        if sys.platform == "linux":
            before = _cpu_and_switches(pid)
            time.sleep(seconds)
            after = _cpu_and_switches(pid)
            share, wakeups = (100 * (after[0] - before[0]) / seconds, (after[1] - before[1]) / seconds)
            yield judged(f"processor while idle, {seconds} s", share, None, "", "percent", "<= 0.3 %", share <= 0.3)
            yield judged("wake-ups while idle", wakeups, None, "", "a second", "<= 15", wakeups <= 15)
    interpreter = float(_printed("import os; print(int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6)"))
    name = "bare python"
    yield judged("resident, model mapped, before a generation", empty, interpreter, name, "MB", "< 90", empty < 90)
    yield judged("resident, after a generation", held, interpreter, name, "MB", "none", None)


def _printed(program):
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.bare:
        asyncio.run(serve_bare(words.bare))
        return
    for part in (start_up, first_state, overhead, states_and_cancel, idle):
        for told in part(words.quick):
            if words.json:
                print(json.dumps(told), flush=True)
                continue
            rival = f" ({told['rival']:.4g} {told['rival_name']})" if told["rival"] else ""
            met = {True: ": met", False: ": NOT met", None: ""}[told["met"]]
            print(f"{told['what']}: {told['ours']:.4g} {told['unit']}{rival}; bar {told['bar']}{met}", flush=True)


if __name__ == "__main__":
    main()
