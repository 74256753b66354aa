"""Real daemons for tests: started in a home of their own, waited for, ended by their own process number."""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from brain.base.paths import places
from brain.client.client import Client
from brain.client.launch import answers, running
from tests.house.source import ROOT

REAL = ("-m", "brain.daemon.main")
PACED = ("-m", "tests.integration.paced_daemon")


def places_of(home):
    """Where a daemon with that home keeps its things."""
    return places({"AIOS_HOME": str(home)}, sys.platform, Path.home())


class Daemon:
    """One ``aiosd`` process and its home."""

    def __init__(self, home, program=PACED, words=(), **settings):
        self.home = Path(home)
        self.places = places_of(home)
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("AIOS_")}
        self.environ |= {"AIOS_HOME": str(home)}
        self.environ |= {f"AIOS_{name.upper()}": str(value) for name, value in settings.items()}
        self.process = subprocess.Popen(
            [sys.executable, *program, *words],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self):
        return self.process.pid

    def client(self):
        return Client(self.places)

    def log(self):
        return self.places.log.read_text()

    def wait_serving(self, within_s=30):
        from grpc_health.v1 import health_pb2

        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended: {self.process.communicate()}")
            if answers(self.places.socket) and self.health() == health_pb2.HealthCheckResponse.SERVING:
                return self
            time.sleep(0.02)
        raise AssertionError("the daemon does not serve")

    def health(self, service=""):
        import grpc
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        with grpc.insecure_channel(f"unix:{self.places.socket}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def end(self, within_s=15):
        """SIGTERM; gives the exit code and what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            out, err = self.process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return self.process.returncode, out + err


def short_home():
    """A home whose socket path fits: pytest's own folders are too deep for some systems."""
    home = tempfile.mkdtemp(prefix="aios-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


@contextlib.contextmanager
def daemon(home=None, **how):
    """A serving daemon, ended at the end of the block."""
    made = Daemon(home or short_home(), **how)
    try:
        yield made.wait_serving()
    finally:
        made.end()


def wait_gone(there, within_s=15):
    """Wait until no process holds the lock of ``there``."""
    until = time.monotonic() + within_s
    while running(there) is not None:
        assert time.monotonic() < until, "a daemon is still there"
        time.sleep(0.02)


def wait_until(condition, within_s=10):
    """Wait for a condition that must become true."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "it never became true"
        time.sleep(0.01)
