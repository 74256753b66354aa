"""Promises of weights on disk: written whole, lent without a copy, never changed, checked; safetensors in and out."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from brain.base.errors import Conflict, CorruptData, InvalidInput, NotFound, StorageFailed, Unsupported
from brain.native.quant import quantise
from brain.native.weights import (
    Weights,
    import_score_folder,
    read_parquet,
    read_safetensors,
    write_parquet,
    write_safetensors,
    write_weights,
)

RANDOM = np.random.default_rng(7)
MATRIX = RANDOM.standard_normal((32, 128), np.float32)
PLAIN = {
    "f32": MATRIX,
    "f16": MATRIX.astype(np.float16),
    "u8": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "i8": np.arange(-3, 3, dtype=np.int8),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.arrow"


def write_all(path):
    tensors = [(name, array.shape, "plain", array, None) for name, array in PLAIN.items()]
    for scheme, rule in (("int2.g64.r16", "mean_abs"), ("int4.g64", "range"), ("int8.row", "range")):
        packed, scales = quantise(MATRIX, scheme, rule)
        tensors.append((scheme, MATRIX.shape, scheme, packed, scales))
    return write_weights(path, tensors, {"network": "test"})


def test_what_is_written_is_read_back_to_the_bit(path):
    assert write_all(path) == path.stat().st_size
    weights = Weights.open(path)
    weights.verify()
    assert weights.len_bytes == path.stat().st_size
    assert weights.metadata() == {"network": "test"}
    assert len(weights) == len(weights.names()) == 7
    for name, array in PLAIN.items():
        read = weights.packed(name)
        assert (read.dtype, read.shape) == (array.dtype, array.shape)
        assert np.array_equal(read, array)
        assert weights.scales(name).shape == (0,)
    packed, scales = quantise(MATRIX, "int2.g64.r16", "mean_abs")
    assert np.array_equal(weights.packed("int2.g64.r16"), packed)
    assert np.array_equal(weights.scales("int2.g64.r16"), scales)
    assert weights.packed("int8.row").dtype == np.int8


def test_a_tensor_says_what_it_is(path):
    write_all(path)
    info = Weights.open(path).info("int2.g64.r16")
    assert (info.name, info.shape, info.dtype, info.scheme) == ("int2.g64.r16", (32, 128), "u8", "int2.g64.r16")
    assert info.bytes == 32 * 128 // 4 + 2 * 32 * 128 // 64
    assert "f32" in Weights.open(path)
    assert "none" not in Weights.open(path)


def test_a_lent_array_cannot_be_changed_and_outlives_its_file_object(path):
    write_all(path)
    weights = Weights.open(path)
    lent = weights.packed("f32")
    del weights
    gc.collect()
    assert np.array_equal(lent, MATRIX)
    assert lent.ctypes.data % 64 == 0
    with pytest.raises(ValueError, match="read-only"):
        lent[0, 0] = 1.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        lent.flags.writeable = True


def test_the_same_tensors_make_the_same_file(path, tmp_path):
    write_all(path)
    write_all(tmp_path / "again")
    assert path.read_bytes() == (tmp_path / "again").read_bytes()


def test_a_changed_byte_is_found_and_named(path):
    write_all(path)
    place = Weights.open(path).packed("f32").tobytes()
    data = bytearray(path.read_bytes())
    data[data.index(place[:64])] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptData, match="f32"):
        Weights.open(path).verify()


@pytest.mark.parametrize("length", [0, 5, 100, 1000])
def test_a_cut_file_is_refused(path, length):
    write_all(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CorruptData):
        Weights.open(path)


def test_what_is_not_there_is_named(path, tmp_path):
    write_all(path)
    weights = Weights.open(path)
    for ask in (weights.info, weights.packed, weights.scales):
        with pytest.raises(NotFound, match="nothing"):
            ask("nothing")
    with pytest.raises(StorageFailed, match="none"):
        Weights.open(tmp_path / "none")


SCALES = np.ones(64, np.float16)
WRONG = {
    "a shape that is not the array's": (("a", (3,), "plain", np.zeros(4, np.float32), None), "a"),
    "a type that files do not have": (("a", (4,), "plain", np.zeros(4), None), "float64"),
    "scales of another type": (("a", (32, 128), "int2.g64.r16", np.zeros(1024, np.uint8), np.ones(64)), "scales of a"),
    "codes too short": (("a", (32, 128), "int2.g64.r16", np.zeros(1023, np.uint8), SCALES), "a"),
    "columns first": (("a", (3, 2), "plain", np.zeros((2, 3), np.float32).T, None), "C order"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_bad_tensor_is_refused_and_leaves_no_file(case, path):
    tensor, told = WRONG[case]
    with pytest.raises(InvalidInput, match=told):
        write_weights(path, [tensor], {})
    assert not path.exists()


def test_an_unknown_scheme_and_a_name_given_twice_are_refused(path):
    with pytest.raises(NotFound, match=r"int3\.odd"):
        write_weights(path, [("a", (4,), "int3.odd", np.zeros(4, np.uint8), None)], {})
    twice = ("a", (4,), "plain", np.zeros(4, np.float32), None)
    with pytest.raises(Conflict, match="a"):
        write_weights(path, [twice, twice], {})


def test_safetensors_come_back_as_they_were_written(tmp_path):
    file = tmp_path / "a.safetensors"
    write_safetensors(file, PLAIN, {"made": "here"})
    read = read_safetensors(file)
    assert list(read) == sorted(PLAIN)
    for name, array in PLAIN.items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)


def raw_safetensors(path, dtype, shape, data):
    header = f'{{"x":{{"dtype":"{dtype}","shape":{list(shape)},"data_offsets":[0,{len(data)}]}}}}'.encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


FOREIGN = {
    "BOOL": np.array([True, False, True]),
    "U16": np.array([1, 65535], np.uint16),
    "I16": np.array([-5, 7], np.int16),
    "U32": np.array([1, 2**32 - 1], np.uint32),
    "I32": np.array([-1, 2], np.int32),
    "U64": np.array([2**63], np.uint64),
    "I64": np.array([-(2**40)]),
    "F64": np.array([0.1, -3.0]),
}


@pytest.mark.parametrize("dtype", FOREIGN)
def test_foreign_numbers_keep_their_type(dtype, tmp_path):
    array = FOREIGN[dtype]
    raw_safetensors(tmp_path / "x.safetensors", dtype, array.shape, array.tobytes())
    read = read_safetensors(tmp_path)["x"]
    assert read.dtype == array.dtype
    assert np.array_equal(read, array)


def test_bfloat16_becomes_float32_exactly(tmp_path):
    values = np.array([1.0, -2.5, 3.140625], np.float32)
    high_halves = (values.view(np.uint32) >> 16).astype(np.uint16)
    raw_safetensors(tmp_path / "x.safetensors", "BF16", (3,), high_halves.tobytes())
    assert np.array_equal(read_safetensors(tmp_path / "x.safetensors")["x"], values)


def test_a_type_that_numpy_cannot_hold_is_named(tmp_path):
    raw_safetensors(tmp_path / "x.safetensors", "F8_E4M3", (2,), b"ab")
    with pytest.raises(Unsupported, match="F8_E4M3"):
        read_safetensors(tmp_path)


def test_hostile_and_missing_safetensors_are_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(CorruptData):
        read_safetensors(tmp_path)
    with pytest.raises(NotFound):
        (tmp_path / "empty").mkdir()
        read_safetensors(tmp_path / "empty")


def test_a_name_in_two_files_of_a_folder_is_refused(tmp_path):
    for name in "ab":
        write_safetensors(tmp_path / f"{name}.safetensors", {"x": PLAIN["f32"]}, {})
    with pytest.raises(Conflict, match="x"):
        read_safetensors(tmp_path)


def test_an_import_of_a_folder_without_a_network_is_refused(tmp_path):
    with pytest.raises(NotFound, match=r"score\.json"):
        import_score_folder(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_parquet_takes_a_model_there_and_back_and_pyarrow_reads_it(path, tmp_path):
    write_all(path)
    table = tmp_path / "weights.parquet"
    assert write_parquet(table, Weights.open(path)) == table.stat().st_size
    assert read_parquet(table, tmp_path / "again.arrow") == path.stat().st_size
    assert (tmp_path / "again.arrow").read_bytes() == path.read_bytes()
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow reads it in the tests only")
    rows = parquet.read_table(table).to_pylist()
    assert [row["name"] for row in rows] == Weights.open(path).names()
    assert rows[0]["shape"] == list(MATRIX.shape)
    assert rows[0]["packed"] == MATRIX.tobytes()


def test_parquet_that_pyarrow_wrote_is_taken(path, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow writes it in the tests only")
    write_all(path)
    write_parquet(tmp_path / "ours", Weights.open(path))
    table = parquet.read_table(tmp_path / "ours")
    parquet.write_table(table, tmp_path / "theirs", compression="none")
    read_parquet(tmp_path / "theirs", tmp_path / "again.arrow")
    assert (tmp_path / "again.arrow").read_bytes() == path.read_bytes()
    parquet.write_table(table, tmp_path / "small", compression="snappy")
    with pytest.raises(CorruptData, match="without compression"):
        read_parquet(tmp_path / "small", tmp_path / "never.arrow")
