"""Hostile ``tokenizer.json`` files: each is refused by name, none ends the process or takes memory beyond its size."""

from __future__ import annotations

import copy
import json
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.base.errors import AiosError, CorruptData, ResourceExhausted, StorageFailed, Unsupported
from brain.native.tokenizer import Tokenizer

TEXTS = ["the cat sat on the mat"] * 3
GOOD = json.loads(Tokenizer.train(TEXTS, 270, ["<|pad|>", "<|end|>"]).to_json())
BYTES = json.dumps(GOOD).encode()


def changed(*path, to):
    document = copy.deepcopy(GOOD)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return json.dumps(document).encode()


HOSTILE = {
    "nothing": (b"", CorruptData),
    "not json": (b"\x00\xff\xfe", CorruptData),
    "another document": (b"[1, 2, 3]", CorruptData),
    "deep nesting": (b"[" * 1_000_000, CorruptData),
    "deep nesting where it counts": (
        changed("normalizer", to=0).replace(b'"normalizer": 0', b'"normalizer": ' + b"[" * 99_999),
        CorruptData,
    ),
    "a huge id": (changed("model", "vocab", "a", to=2**32 - 1), CorruptData),
    "an id past all numbers": (changed("model", "vocab", "a", to=2**200), CorruptData),
    "an id below zero": (changed("model", "vocab", "a", to=-1), CorruptData),
    "an id that is a word": (changed("model", "vocab", "a", to="one"), CorruptData),
    "an id of two pieces": (changed("model", "vocab", "a", to=50), CorruptData),
    "a piece outside of the bytes": (changed("model", "vocab", "語", to=280), CorruptData),
    "a vocabulary of nothing": (changed("model", "vocab", to={}), CorruptData),
    "a vocabulary that is a list": (changed("model", "vocab", to=[1, 2]), CorruptData),
    "merges of unknown pieces": (changed("model", "merges", to=[["xx", "yy"]]), CorruptData),
    "a merge of three": (changed("model", "merges", to=[["a", "b", "c"]]), CorruptData),
    "a merge that makes a special token": (changed("model", "merges", to=[["<|", "pad|>"]]), CorruptData),
    "an empty special token": (changed("added_tokens", 0, "content", to=""), CorruptData),
    "a special token of one byte": (changed("added_tokens", 0, "content", to="a"), CorruptData),
    "two special tokens of one id": (changed("added_tokens", 1, "id", to=0), CorruptData),
    "a special token of a huge id": (
        changed("added_tokens", 1, to={**GOOD["added_tokens"][1], "content": "<|x|>", "id": 4_000_000_000}),
        CorruptData,
    ),
    "a pattern that is none": (
        changed("pre_tokenizer", "pretokenizers", 0, "pattern", to={"Regex": "(["}),
        CorruptData,
    ),
    "words instead of bytes": (changed("model", "type", to="WordLevel"), Unsupported),
    "chance in encoding": (changed("model", "dropout", to=0.5), Unsupported),
    "no bytes before merging": (changed("pre_tokenizer", to=None), Unsupported),
    "more than 64 MiB": (BYTES + b" " * (64 << 20), ResourceExhausted),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_by_name_and_takes_no_memory_beyond_its_size(case, tmp_path):
    data, error = HOSTILE[case]
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(error) as caught:
        Tokenizer.open(path)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 64 * 1024 + 4 * len(data) // 1024
    assert caught.value.message
    if error is CorruptData:
        assert str(path) in caught.value.message


@given(st.integers(0, len(BYTES) - 1))
@settings(max_examples=100, deadline=None)
def test_any_cut_is_refused(length):
    with pytest.raises(CorruptData):
        Tokenizer.from_bytes(BYTES[:length])


@given(st.lists(st.tuples(st.integers(0, len(BYTES) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_changed_bytes_are_refused_or_still_a_tokenizer(changes):
    data = bytearray(BYTES)
    for place, byte in changes:
        data[place] = byte
    try:
        read = Tokenizer.from_bytes(bytes(data))
    except AiosError as error:
        assert error.code in {"CORRUPT_DATA", "UNSUPPORTED"}
        return
    assert not any(read.is_special(int(token)) for token in read.encode("the cat <|end|>"))


@pytest.mark.parametrize("name", ["none.json", "."])
def test_what_cannot_be_read_is_a_failure_of_storage(name, tmp_path):
    with pytest.raises(StorageFailed) as caught:
        Tokenizer.open(tmp_path / Path(name))
    assert caught.value.errno
