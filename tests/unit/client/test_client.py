"""The client alone: statuses turned into errors, doors it does not trust, and what it may import."""

import os
import socket
import subprocess
import sys

import grpc
import pytest
from google.rpc.status_pb2 import Status

from brain.base.errors import TABLE, InternalError, InvalidInput, PermissionRefused, Unreachable
from brain.base.messages import Request
from brain.base.paths import Places
from brain.client.channel import check_folder, error_of
from brain.client.client import Client
from brain.client.launch import answers, connect, running
from brain.services.statuses import DETAILS_KEY, status_of


class Failed(grpc.RpcError):
    """A status as gRPC hands it over."""

    def __init__(self, code, details="", trailing=()):
        self._told = (code, details, trailing)

    def code(self):
        return self._told[0]

    def details(self):
        return self._told[1]

    def trailing_metadata(self):
        return self._told[2]


def places(root):
    return Places(root, root, root, root, root)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.error.code)
def test_an_error_comes_out_as_it_went_in(row):
    sent = row.error("what happened", hint="what to do")
    sent.field = "settings.block"
    status = status_of(sent)
    got = error_of(Failed(grpc.StatusCode[row.status], status.message, ((DETAILS_KEY, status.SerializeToString()),)))
    assert type(got) is row.error
    assert (got.message, got.hint, got.field) == ("what happened", "what to do", "settings.block")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (grpc.StatusCode.UNAVAILABLE, "UNREACHABLE"),
        (grpc.StatusCode.CANCELLED, "CANCELLED"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"),
        (grpc.StatusCode.UNIMPLEMENTED, "UNSUPPORTED"),
        (grpc.StatusCode.UNKNOWN, "INTERNAL"),
    ],
)
@pytest.mark.parametrize(
    "trailing", [(), None, ((DETAILS_KEY, b"\xff\xff"),), ((DETAILS_KEY, Status().SerializeToString()),)]
)
def test_a_status_without_our_details_is_told_by_its_code(code, name, trailing):
    assert error_of(Failed(code, "words", trailing)).code == name


def test_a_status_of_a_code_that_we_do_not_know_yet_is_internal():
    status = status_of(InvalidInput("x"))
    raw = status.SerializeToString().replace(b"INVALID_INPUT", b"TOO_MODERN_XY")
    assert type(error_of(Failed(grpc.StatusCode.INTERNAL, "x", ((DETAILS_KEY, raw),)))) is InternalError


def test_a_folder_that_another_user_could_have_made_is_not_trusted_with_the_token(tmp_path):
    tmp_path.chmod(0o700)
    check_folder(places(tmp_path))
    tmp_path.chmod(0o770)
    with pytest.raises(PermissionRefused):
        check_folder(places(tmp_path))
    with pytest.raises(Unreachable):
        check_folder(places(tmp_path / "none"))
    (tmp_path / "file").write_text("")
    with pytest.raises(PermissionRefused):
        check_folder(places(tmp_path / "file"))


def test_without_a_token_or_a_listener_there_is_no_daemon(tmp_path):
    tmp_path.chmod(0o700)
    with Client(places(tmp_path)) as client:
        with pytest.raises(Unreachable, match="token"):
            client.status()
        (tmp_path / "token").write_text("x")
        with pytest.raises(Unreachable):
            client.status()
        with pytest.raises(Unreachable):
            next(client.generate(Request(request_id="a", prompt="p")))


def test_a_socket_answers_only_while_somebody_listens(tmp_path):
    path = tmp_path / "s"
    assert not answers(path)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        assert not answers(path)
        door.listen()
        assert answers(path)
    assert not answers(path)


def test_who_runs_is_nobody_where_there_is_no_lock(tmp_path):
    assert running(places(tmp_path)) is None
    (tmp_path / "aiosd.lock").write_text(f"{os.getpid()}\n")
    assert running(places(tmp_path)) is None
    assert running(places(tmp_path / "aiosd.lock")) is None
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "aiosd.lock").symlink_to(tmp_path / "aiosd.lock")
    with pytest.raises(Unreachable):
        running(places(tmp_path / "linked"))


def test_the_client_imports_nothing_heavy():
    program = "import sys; import brain.client.launch; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(told.stdout.split())
    assert "brain.wire.aios.v1.generation_pb2" in loaded
    assert not {"numpy", "torch", "brain._skeleton", "structlog", "google.rpc.status_pb2"} & loaded
    assert not [name for name in loaded if name.startswith(("brain.engine", "brain.services", "brain.daemon"))]


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_a_deadline_that_is_none_is_named_before_anything_is_sent(tmp_path, seconds):
    with Client(places(tmp_path)) as client, pytest.raises(InvalidInput) as refused:
        list(client.generate(Request(request_id="a", prompt="hi", deadline_s=seconds)))
    assert refused.value.field == "deadline_s"


def test_a_text_too_long_to_be_sent_is_named_as_such(tmp_path):
    with Client(places(tmp_path)) as client, pytest.raises(InvalidInput, match="bytes"):
        list(client.generate(Request(request_id="a", prompt="x" * (5 << 20))))


def test_a_call_whose_time_was_up_has_a_hint():
    assert "deadline" in error_of(Failed(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")).hint


def test_a_daemon_that_does_not_start_says_why_with_its_own_code(tmp_path, monkeypatch):
    monkeypatch.setenv("AIOS_THREADS", "many")
    with pytest.raises(InvalidInput, match="AIOS_THREADS is 'many'") as refused:
        connect(Places(*(tmp_path / name for name in ("data", "cache", "logs", "run", "config"))))
    assert "number" in refused.value.hint
