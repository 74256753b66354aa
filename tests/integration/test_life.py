"""The daemon's life: one at a time, started by need, drained at the end, at a guarded door."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import uuid
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from brain.base.errors import PermissionRefused, Unreachable
from brain.base.messages import Request, Response, Settings
from brain.client.client import Client
from brain.client.launch import answers, connect, running
from brain.native.storage import Store
from brain.wire.aios.v1 import control_pb2, control_pb2_grpc
from tests.house.source import ROOT
from tests.integration.daemons import REAL, Daemon, daemon, places_of, short_home, wait_gone, wait_until


def asked(steps, pause_s):
    settings = Settings(max_tokens=steps, min_p=pause_s)
    return Request(request_id=uuid.uuid4().hex, prompt="one two", settings=settings)


def test_everything_in_its_folder_is_the_users_alone(paced_daemon):
    home = paced_daemon.home
    for path in (paced_daemon.places.run, paced_daemon.places.data, paced_daemon.places.logs):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    files = [path for path in home.rglob("*") if not path.is_dir()]
    assert paced_daemon.places.socket in files
    assert all(stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0 for path in files)


def test_a_second_daemon_names_the_first_and_ends_with_zero(paced_daemon):
    second = Daemon(paced_daemon.home)
    out, err = second.process.communicate(timeout=20)
    assert second.process.returncode == 0
    assert str(paced_daemon.pid) in out
    assert err == ""
    assert paced_daemon.health() == health_pb2.HealthCheckResponse.SERVING


def test_two_daemons_at_once_end_up_as_one():
    home = short_home()
    both = [Daemon(home) for _ in range(2)]
    try:
        wait_until(lambda: any(one.process.poll() is not None for one in both), within_s=30)
        loser, winner = sorted(both, key=lambda one: one.process.poll() is None)
        assert loser.process.returncode == 0
        winner.wait_serving()
        assert running(winner.places) == winner.pid
    finally:
        for one in both:
            one.end()


def test_a_stop_by_signal_drains_and_leaves_nothing_behind():
    with daemon() as made, made.client() as client:
        events = client.generate(asked(40, 0.02))
        next(events)
        made.process.send_signal(signal.SIGTERM)
        wait_until(lambda: '"draining"' in made.log())
        final = list(events)[-1]
        assert isinstance(final, Response)
        assert final.passes == 40
        assert made.process.wait(15) == 0
        assert not made.places.socket.exists()
        assert running(made.places) is None


def test_a_draining_daemon_refuses_new_calls_and_says_that_it_drains():
    with daemon() as made, made.client() as client:
        events = client.generate(asked(60, 0.02))
        next(events)
        assert client.shutdown() == 1
        wait_until(lambda: client.status().state == "draining")
        with pytest.raises(Unreachable):
            list(client.generate(asked(1, 0)))
        assert made.health() == health_pb2.HealthCheckResponse.NOT_SERVING
        assert isinstance(list(events)[-1], Response)
        assert made.process.wait(15) == 0


def test_a_drain_ends_in_time_whatever_still_runs():
    with daemon(drain_s=0.5) as made, made.client() as client:
        events = client.generate(asked(2048, 0.05))
        next(events)
        begun = time.monotonic()
        code, said = made.end()
        assert (code, said) == (0, "")
        assert time.monotonic() - begun < 10


def test_what_a_killed_daemon_left_behind_is_in_nobodys_way():
    home = short_home()
    first = Daemon(home).wait_serving()
    token = first.places.token.read_text()
    first.kill()
    assert first.places.socket.exists()
    assert not answers(first.places.socket)
    assert running(first.places) is None
    with daemon(home) as second, second.client() as client:
        assert client.status().pid == second.pid
        assert second.places.token.read_text() != token


@pytest.mark.parametrize("bits", [0o755, 0o710, 0o702])
def test_a_folder_that_others_may_enter_is_refused_by_daemon_and_client(bits):
    home = short_home()
    run = places_of(home).run
    run.mkdir()
    run.chmod(bits)
    again = Daemon(home)
    out, err = again.process.communicate(timeout=20)
    assert again.process.returncode == 11, out + err
    assert f"{bits:04o}" in err
    assert "chmod 700" in err
    with Client(again.places) as client, pytest.raises(PermissionRefused):
        client.status()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_refused():
    home = short_home()
    run = places_of(home).run
    run.mkdir(mode=0o700)
    os.chown(run, 12345, 12345)
    again = Daemon(home)
    _, err = again.process.communicate(timeout=20)
    assert again.process.returncode == 11
    assert "12345" in err
    with Client(again.places) as client, pytest.raises(PermissionRefused):
        client.status()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_cannot_reach_the_socket(paced_daemon):
    program = "import os,socket,sys; os.setgid(12345); os.setuid(12345)\ntry:\n"
    program += " socket.socket(socket.AF_UNIX).connect(sys.argv[1])\nexcept PermissionError:\n sys.exit(7)\n"
    paced_daemon.home.chmod(0o755)
    try:
        done = subprocess.run([sys.executable, "-c", program, str(paced_daemon.places.socket)], check=False)
    finally:
        paced_daemon.home.chmod(0o700)
    assert done.returncode == 7


def test_a_wrong_or_old_token_is_refused_and_the_right_one_is_read_anew(paced_daemon):
    token = paced_daemon.places.token.read_text()
    with paced_daemon.client() as client:
        try:
            for wrong in ("", "x" * len(token), token[:-1]):
                paced_daemon.places.token.write_text(wrong)
                with pytest.raises(PermissionRefused):
                    client.status()
        finally:
            paced_daemon.places.token.write_text(token)
        assert client.status().state == "serving"


def test_health_needs_no_token_and_knows_services_and_models(paced_daemon):
    serving = health_pb2.HealthCheckResponse.SERVING
    for name in ("", "aios.v1.GenerationService", "aios.v1.ControlService", "models/base"):
        assert paced_daemon.health(name) == serving, name
    with pytest.raises(grpc.RpcError) as caught:
        paced_daemon.health("models/nobody")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_reflection_tells_the_services_to_who_has_the_token(paced_daemon):
    token = paced_daemon.places.token.read_text()
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    with grpc.insecure_channel(f"unix:{paced_daemon.places.socket}") as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        [told] = list(stub.ServerReflectionInfo(iter([ask]), metadata=(("authorization", f"Bearer {token}"),)))
        names = {service.name for service in told.list_services_response.service}
        assert {"aios.v1.GenerationService", "aios.v1.MemoryService", "grpc.health.v1.Health"} <= names
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.ServerReflectionInfo(iter([ask])))
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_a_call_without_a_deadline_gets_the_daemons_own():
    with daemon(max_deadline_s=0.3) as made:
        token = made.places.token.read_text()
        with grpc.insecure_channel(f"unix:{made.places.socket}") as channel:
            stub = control_pb2_grpc.ControlServiceStub(channel)
            metadata = (("authorization", f"Bearer {token}"),)
            assert stub.GetStatus(control_pb2.GetStatusRequest(), metadata=metadata).state == "serving"
        with made.client() as client, pytest.raises(Exception) as caught:
            list(client.generate(asked(2048, 0.01)))
        assert type(caught.value).__name__ == "DeadlineExceeded"


def test_wrong_settings_and_an_unreadable_settings_file_end_it_with_their_exit_codes():
    for words, code in ((("--threads", "-1"), 2), (("--backend", "abacus"), 2)):
        made = Daemon(short_home(), words=words)
        _, err = made.process.communicate(timeout=20)
        assert made.process.returncode == code
        assert "hint" in err
    home = short_home()
    settings = places_of(home).settings
    settings.parent.mkdir()
    settings.write_bytes(b"\xff\x00 = [")
    again = Daemon(home)
    _, err = again.process.communicate(timeout=20)
    assert again.process.returncode == 5
    assert "config.toml" in err


@pytest.mark.parametrize(
    ("embedder", "code", "said"), [("abacus", 3, "hashed-words-1"), ("folder:here", 2, "from the root")]
)
def test_an_embedder_that_nothing_offers_ends_it_with_a_hint(embedder, code, said):
    made = Daemon(short_home(), program=REAL, embedder=embedder)
    _, err = made.process.communicate(timeout=20)
    assert made.process.returncode == code
    assert said in err
    assert "hint" in err


def test_memories_of_another_embedder_are_refused_and_kept():
    home = short_home()
    kept = places_of(home).memories
    kept.mkdir(parents=True)
    kept.chmod(0o700)
    Store.open(kept, "another-1", 4).close()
    before = {file: file.read_bytes() for file in kept.rglob("*") if file.is_file() and file.name != "lock"}
    made = Daemon(home, program=REAL)
    _, err = made.process.communicate(timeout=20)
    assert made.process.returncode == 4
    assert "another-1" in err
    assert "embedder" in err.split("hint", 1)[1]
    assert len(before) == 2
    assert {file: file.read_bytes() for file in before} == before


def started_by(places_home, monkeypatch):
    monkeypatch.setenv("AIOS_HOME", places_home)
    from brain.cli.connection import connected

    return connected()


def test_a_client_starts_the_daemon_that_it_needs(monkeypatch):
    with started_by(short_home(), monkeypatch) as client:
        status = client.status()
        assert status.state == "serving"
        assert status.pid != os.getpid()
        client.shutdown()
    from brain.cli.connection import here

    wait_gone(here())


def test_two_clients_at_once_start_one_daemon(monkeypatch):
    home = short_home()
    pids, faults = [], []
    monkeypatch.setenv("AIOS_HOME", home)

    def one():
        try:
            with started_by(home, monkeypatch) as client:
                pids.append(client.status().pid)
        except Unreachable as error:
            faults.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
    assert len(pids) == 3
    assert len(set(pids)) == 1
    with started_by(home, monkeypatch) as client:
        client.shutdown()


def test_a_daemon_that_cannot_start_is_told_with_its_own_words():
    home = short_home()
    run = places_of(home).run
    run.mkdir()
    run.chmod(0o755)
    program = "import sys; from pathlib import Path; from brain.base.paths import places\n"
    program += "from brain.client.launch import connect\nfrom brain.base.errors import AiosError\n"
    program += "try: connect(places({'AIOS_HOME': sys.argv[1]}, sys.platform, Path.home()))\n"
    program += "except AiosError as error: print(error)\n"
    said = subprocess.run(
        [sys.executable, "-c", program, home],
        cwd=ROOT,
        env=os.environ | {"AIOS_HOME": home},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "aiosd does not start" in said.stdout, said
    assert "chmod 700" in said.stdout


def test_no_daemon_and_none_wanted_is_unreachable():
    with pytest.raises(Unreachable) as caught:
        connect(places_of(short_home()), start=False)
    assert "aios serve" in caught.value.hint


def test_a_broken_default_model_is_told_and_the_rest_serves():
    home = short_home()
    there = places_of(home)
    for folder in (there.data, there.models, there.models / "broken"):
        folder.mkdir(mode=0o755)  # as import and training make them
    (there.models / "broken" / "score.json").write_text("{")
    (there.models / "broken" / "weights.arrow").write_bytes(b"ARROW1")
    first = Daemon(home, program=REAL, model="broken")
    try:
        first.wait_serving()
        not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
        assert first.health("aios.v1.GenerationService") == not_serving
        assert first.health("models/broken") == not_serving
        with first.client() as client:
            assert client.remember([("still here", "")])
            problems = {report.name: report.problem for report in client.models()}
            assert problems["models/broken"]
            with pytest.raises(Exception) as caught:
                list(client.generate(asked(1, 0)))
            assert type(caught.value).__name__ in {"CorruptData", "NotFound"}
    finally:
        first.end()


def test_its_log_is_json_and_begins_with_its_process(paced_daemon):
    lines = [json.loads(line) for line in paced_daemon.log().splitlines()]
    assert lines[0]["event"] == "started"
    assert lines[0]["pid"] == paced_daemon.pid


def test_words_that_are_no_grpc_do_no_harm(paced_daemon):
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n"
    for garbage in (request, b"\0" * 4096, os.urandom(2048), b"PRI * HTTP/2.0\r\n"):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(5)
            door.connect(str(paced_daemon.places.socket))
            door.sendall(garbage)
            door.shutdown(socket.SHUT_WR)
            try:
                said = door.recv(1 << 16)
            except (ConnectionError, TimeoutError):
                said = b""
            assert b"HTTP/1" not in said
    assert paced_daemon.health() == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.skipif(sys.platform != "linux", reason="threads and files are counted in /proc")
def test_calls_that_end_or_are_withdrawn_leave_no_thread_and_no_file_behind(paced_daemon, client):
    def held():
        return [len(list(Path(f"/proc/{paced_daemon.pid}/{what}").iterdir())) for what in ("task", "fd")]

    def calls(count):
        for number in range(count):
            with closing(client.generate(asked(2048 if number % 2 else 3, 0.001))) as events:
                next(events)
                next(events)
        wait_until(lambda: client.status().running == 0)

    calls(20)
    before = held()
    calls(100)
    assert held() == before
