"""Every field of every call with values that nobody should send: each gets a named status, and the daemon lives on."""

import struct

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.base.errors import TABLE
from brain.wire.aios.v1 import control_pb2, generation_pb2, memory_pb2, model_pb2
from tests.integration.daemons import daemon

CALLS = {
    f"/{service.full_name}/{method.name}": method
    for file in (generation_pb2, memory_pb2, model_pb2, control_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if method.name != "Shutdown"
}
REASONS = {row.error.code: row.status for row in TABLE}
NAMED = {"OK", *REASONS.values()}

WORDS = st.one_of(
    st.sampled_from(
        ["", "\0", "text", "code", "base", "../../etc/passwd", "models/base", "a" * 70_000, "\u202e\ufeff"]
    ),
    st.text(max_size=50),
)
NUMBERS = st.sampled_from([0, 1, 2, 63, 64, 65, 255, 256, 2**31 - 1, 2**31, 2**32 - 1])
FLOATS = st.one_of(st.sampled_from([float("nan"), float("inf"), -1.0, 0.0, 1e30]), st.floats(width=32))


@pytest.fixture(scope="module")
def attacked():
    with daemon(queue_length=64, max_deadline_s=2.0) as made:
        yield made


SIMPLE = {
    FieldDescriptor.TYPE_STRING: WORDS,
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=64),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_FLOAT: FLOATS,
    FieldDescriptor.TYPE_DOUBLE: FLOATS,
    FieldDescriptor.TYPE_UINT64: st.sampled_from([0, 1, 2**63, 2**64 - 1]),
}


def value_of(field):
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return message_of(field.message_type)
    return SIMPLE.get(field.type, NUMBERS)


def message_of(descriptor):
    """A message of that kind with any of its fields set to anything."""
    fields = {
        field.name: st.lists(value_of(field), max_size=4) if field.is_repeated else value_of(field)
        for field in descriptor.fields
    }
    return st.fixed_dictionaries({}, optional=fields)


def ended(attacked, path, raw, metadata=()):
    """The status of a call with those bytes; its stream is read to the end."""
    token = attacked.places.token.read_text()
    with grpc.insecure_channel(f"unix:{attacked.places.socket}") as channel:
        call = channel.unary_stream(path)
        try:
            list(call(raw, timeout=10, metadata=(("authorization", f"Bearer {token}"), *metadata)))
        except grpc.RpcError as error:
            return error
    return None


def check(attacked, path, raw, metadata=()):
    error = ended(attacked, path, raw, metadata)
    assert attacked.health() == health_pb2.HealthCheckResponse.SERVING
    if error is None:
        return "OK"
    code = error.code().name
    assert code in NAMED, (code, error.details())
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    assert details, (code, error.details())
    info = ErrorInfo()
    assert any(detail.Unpack(info) for detail in Status.FromString(details).details)
    assert REASONS[info.reason] == code
    assert code != "INTERNAL", error.details()
    return code


@pytest.mark.parametrize("path", CALLS)
def test_any_values_in_any_fields_get_a_named_status(attacked, path):
    kind = CALLS[path].input_type

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(message_of(kind))
    def attack(values):
        check(attacked, path, kind._concrete_class(**values).SerializeToString())

    attack()


@pytest.mark.parametrize("path", CALLS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=st.binary(max_size=400))
def test_any_bytes_get_a_named_status(attacked, path, raw):
    check(attacked, path, raw)


def field(number, data):
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("data", [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"])
def test_text_that_is_no_utf8_is_refused(attacked, path, data):
    strings = [f for f in CALLS[path].input_type.fields if f.type == FieldDescriptor.TYPE_STRING]
    for one in strings:
        assert check(attacked, path, field(one.number, data)) == "INVALID_ARGUMENT", one.name


GENERATE = "/aios.v1.GenerationService/Generate"
INFILL = "/aios.v1.GenerationService/Infill"


@pytest.mark.parametrize(
    ("number", "data"),
    [
        (2, varint(2**64 - 1)),
        (3, varint(0)),
        (8, varint(2**32 - 1)),
    ],
)
def test_settings_beyond_their_range_are_refused_by_their_field(attacked, number, data):
    raw = field(2, b"a prompt") + field(8, bytes([number << 3]) + data)
    assert check(attacked, GENERATE, raw) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("number", [5, 6, 7])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -1e-3, 1e38])
def test_numbers_that_are_none_are_refused(attacked, number, value):
    raw = field(2, b"a prompt") + field(8, bytes([number << 3 | 5]) + struct.pack("<f", value))
    assert check(attacked, GENERATE, raw) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("length", [257, 2**31, 2**32 - 1])
def test_a_hole_longer_than_any_is_refused(attacked, length):
    raw = generation_pb2.InfillRequest(before="a", after="b", hole_tokens=length).SerializeToString()
    assert check(attacked, INFILL, raw) == "INVALID_ARGUMENT"


def test_messages_nested_or_long_beyond_reason_are_refused(attacked):
    deep = b""
    for _ in range(2000):
        deep = field(8, deep)
    assert check(attacked, GENERATE, deep) == "INVALID_ARGUMENT"
    assert check(attacked, GENERATE, field(2, b"x" * (3 << 20))) == "INVALID_ARGUMENT"
    assert check(attacked, "/aios.v1.MemoryService/Remember", field(1, field(1, b"x")) * 1025) == "INVALID_ARGUMENT"
    error = ended(attacked, GENERATE, field(2, b"x" * (5 << 20)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert attacked.health() == health_pb2.HealthCheckResponse.SERVING


def test_unknown_methods_and_services_are_unimplemented(attacked):
    for path in ("/aios.v1.GenerationService/Nothing", "/aios.v2.GenerationService/Generate", "/", "//", "/\u00e9"):
        try:
            error = ended(attacked, path, b"")
        except (UnicodeEncodeError, ValueError):
            continue  # gRPC's own client refuses to send it
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def test_strange_metadata_does_no_harm(attacked):
    for metadata in ((("x" * 100, "y" * 3000),), (("authorization", "Bearer other"),), (("te", "gzip"),)):
        raw = generation_pb2.GenerateRequest(prompt="p").SerializeToString()
        ended(attacked, GENERATE, raw, metadata)
        assert attacked.health() == health_pb2.HealthCheckResponse.SERVING
