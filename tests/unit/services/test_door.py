"""The outermost layer, over a real socket: who gets in, what an error looks like, what never gets out."""

import asyncio
import json
import logging
from contextlib import asynccontextmanager

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from brain.base.errors import TABLE, AiosError, InternalError, InvalidInput, ResourceExhausted
from brain.daemon.logs import JsonLines
from brain.services.interceptors import Door
from brain.services.statuses import TEXT_LIMIT, code_of, status_of

TOKEN = "the-right-token"
SECRET = "what the user wrote"


def encoded(words):
    return words[0].encode()


class Echo(grpc.GenericRpcHandler):
    """A service of three shapes, whose request says what it should do."""

    def service(self, details):
        def text(raw):
            return [raw.decode("utf-8")]

        if details.method == "/echo/one":
            return grpc.unary_unary_rpc_method_handler(one, text, encoded)
        if details.method == "/echo/many":
            return grpc.unary_stream_rpc_method_handler(many, text, encoded)
        if details.method == "/echo/both":
            return grpc.stream_stream_rpc_method_handler(both, text, encoded)
        if details.method.startswith("/grpc.health.v1.Health/"):
            return grpc.unary_unary_rpc_method_handler(one, text, encoded)
        return None


async def one(words, context):
    request = words[0]
    if request == "wait":
        await asyncio.sleep(60)
    if request == "unknown":
        raise KeyError(SECRET)
    if request == "abort":
        await context.abort(grpc.StatusCode.NOT_FOUND, "by the handler itself")
    for row in TABLE:
        if request == row.error.code:
            raise raised(row.error)
    return words if request != "bad answer" else [SECRET, 1][1:]


async def many(words, context):
    for word in words[0].split():
        yield [word]
        if word == "unknown":
            raise KeyError(SECRET)
        if word == "wait":
            await asyncio.sleep(60)


async def both(requests, context):
    async for request in requests:
        yield request


def raised(kind):
    error = kind("it is so", hint="do this")
    error.field = "settings.block" if kind is InvalidInput else ""
    return error


@asynccontextmanager
async def door(tmp_path, max_deadline_s=600.0):
    server = grpc.aio.server(interceptors=[Door(TOKEN, max_deadline_s)])
    server.add_generic_rpc_handlers((Echo(),))
    server.add_insecure_port(f"unix:{tmp_path}/s")
    await server.start()
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/s") as channel:
        yield channel
    await server.stop(0)


def bearer(token=TOKEN):
    return (("authorization", f"Bearer {token}"),)


async def call(channel, request, method="/echo/one", metadata=None, timeout=10):
    raw = request if isinstance(request, bytes) else request.encode()
    return await channel.unary_unary(method)(raw, metadata=bearer() if metadata is None else metadata, timeout=timeout)


async def refused(channel, request, **how):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, request, **how)
    return caught.value


def details(error):
    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    found = {}
    for detail in status.details:
        for kind in (ErrorInfo, BadRequest, RetryInfo):
            if detail.Is(kind.DESCRIPTOR):
                found[kind] = kind.FromString(detail.value)
    return found


def test_a_call_with_the_token_is_served_in_every_shape(tmp_path):
    async def story():
        async with door(tmp_path) as channel:
            assert await call(channel, "hello") == b"hello"
            assert [w async for w in channel.unary_stream("/echo/many")(b"a b", metadata=bearer())] == [b"a", b"b"]
            stream = channel.stream_stream("/echo/both")(iter([b"x", b"y"]), metadata=bearer())
            assert [w async for w in stream] == [b"x", b"y"]

    asyncio.run(story())


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        bearer("wrong"),
        bearer(""),
        bearer(TOKEN + "x"),
        bearer(TOKEN[:-1]),
        (("authorization", TOKEN),),
        (("authorization", f"Basic {TOKEN}"),),
        (("authorization-bin", f"Bearer {TOKEN}".encode()),),
    ],
)
def test_a_call_without_the_token_is_refused(tmp_path, metadata):
    async def story():
        async with door(tmp_path) as channel:
            error = await refused(channel, "hello", metadata=metadata)
            assert error.code() == grpc.StatusCode.PERMISSION_DENIED
            assert details(error)[ErrorInfo].reason == "PERMISSION_REFUSED"
            assert await call(channel, "x", method="/grpc.health.v1.Health/Check", metadata=()) == b"x"

    asyncio.run(story())


@pytest.mark.parametrize("row", [row for row in TABLE if row.error is not InternalError], ids=lambda row: row.status)
def test_every_row_of_the_table_arrives_with_its_status_reason_and_hint(tmp_path, row):
    async def story():
        async with door(tmp_path) as channel:
            error = await refused(channel, row.error.code)
            assert error.code().name == row.status
            assert error.details() == "it is so"
            info = details(error)[ErrorInfo]
            assert (info.reason, info.domain, info.metadata["hint"]) == (row.error.code, "aios", "do this")
            assert (RetryInfo in details(error)) == row.error.retryable

    asyncio.run(story())


def test_a_bad_field_is_named(tmp_path):
    async def story():
        async with door(tmp_path) as channel:
            violations = details(await refused(channel, "INVALID_INPUT"))[BadRequest].field_violations
            assert [violation.field for violation in violations] == ["settings.block"]

    asyncio.run(story())


def test_an_answer_that_cannot_be_encoded_is_an_internal_error_too(tmp_path):
    async def story():
        async with door(tmp_path) as channel:
            error = await refused(channel, "bad answer")
            assert error.code() == grpc.StatusCode.INTERNAL
            assert error.details().startswith("an internal error, id ")

    asyncio.run(story())


@pytest.mark.parametrize("method", ["/echo/one", "/echo/many"])
def test_an_unknown_exception_is_an_id_for_the_client_and_a_traceback_in_the_log(tmp_path, caplog, method):
    async def story():
        async with door(tmp_path) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                if method == "/echo/one":
                    await call(channel, "unknown")
                else:
                    [w async for w in channel.unary_stream(method)(b"unknown", metadata=bearer())]
            return caught.value

    error = asyncio.run(story())
    assert error.code() == grpc.StatusCode.INTERNAL
    told = f"{error.details()} {error.trailing_metadata()!r}"
    for word in (SECRET, "KeyError", "Traceback", ".py"):
        assert word not in told
    record = next(record for record in caplog.records if record.name == "aios.call" and record.levelname == "ERROR")
    assert record.error_id in error.details()
    line = json.loads(JsonLines().format(record))
    assert line["error"]["class"] == "KeyError"
    assert any(frame.startswith("test_door.py") for frame in line["error"]["lines"])
    assert SECRET not in json.dumps(line)


def test_bytes_that_are_no_message_are_refused_by_name(tmp_path):
    async def story():
        async with door(tmp_path) as channel:
            error = await refused(channel, b"\xff\xfe")
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert "2 bytes" in error.details()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                stream = channel.stream_stream("/echo/both")(iter([b"ok", b"\xff"]), metadata=bearer())
                [w async for w in stream]
            assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT

    asyncio.run(story())


def test_a_handlers_own_abort_and_an_unknown_method_pass_through(tmp_path):
    async def story():
        async with door(tmp_path) as channel:
            error = await refused(channel, "abort")
            assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "by the handler itself")
            error = await refused(channel, "x", method="/echo/none")
            assert error.code() == grpc.StatusCode.UNIMPLEMENTED

    asyncio.run(story())


@pytest.mark.parametrize("timeout", [None, 300])
def test_a_call_without_a_deadline_or_with_a_far_one_gets_ours(tmp_path, timeout):
    async def story():
        async with door(tmp_path, max_deadline_s=0.1) as channel:
            error = await refused(channel, "wait", timeout=timeout)
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            assert "0.1 s" in error.details()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                [w async for w in channel.unary_stream("/echo/many")(b"a wait", metadata=bearer(), timeout=timeout)]
            assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED

    asyncio.run(story())


def test_no_status_outgrows_what_a_client_takes():
    error = ResourceExhausted("m" * 100_000, hint="h" * 100_000, field="f" * 100_000)
    status = status_of(error)
    assert len(status.SerializeToString()) < 4096
    assert len(status.message) == TEXT_LIMIT


def test_an_error_outside_of_the_table_counts_as_internal():
    class Strange(AiosError):
        pass

    assert code_of(Strange("x")) == grpc.StatusCode.INTERNAL


def test_our_own_internal_errors_are_given_an_id_too(tmp_path, caplog):
    async def story():
        async with door(tmp_path) as channel:
            return await refused(channel, "INTERNAL")

    error = asyncio.run(story())
    assert error.code() == grpc.StatusCode.INTERNAL
    assert "it is so" not in error.details()
    assert logging.ERROR in {record.levelno for record in caplog.records}
