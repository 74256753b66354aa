"""What ``score.json`` says, and what follows from it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from brain.base.errors import CorruptData, InvalidInput, NotFound, ResourceExhausted
from brain.score.folder import SCORE, SCORE_BYTES, TOKENIZER, WEIGHTS, read_spec
from brain.score.spec import BASE, BIDIRECTIONAL, BLOCK_CAUSAL, INT2, INT4, INT8, LARGE, PLAIN, TINY, ScoreSpec
from tests.models import BASE as BASE_FOLDER
from tests.models import SMALL

BARE = replace(TINY, query_key_norm=False, tied_embedding=False, attention=BIDIRECTIONAL)
BLOCKS = replace(TINY, attention=BLOCK_CAUSAL, attention_block=16, prediction="same")


@pytest.fixture(scope="module")
def document():
    return json.loads((BASE_FOLDER / SCORE).read_text(encoding="utf-8"))


def test_the_shipped_model_is_the_base_size(document):
    spec = read_spec(BASE_FOLDER)
    assert spec == BASE
    assert (spec.parameters, spec.shared_parameters) == (35_000_064, 34_615_040)
    assert (spec.parameters, spec.shared_parameters) == (document["parameters"], document["shared_parameters"])


def test_what_is_not_named_in_the_spec_survives_a_round_trip(document):
    document["trunk"]["dialect"] = "west"
    document["songs"] = [1, 2]
    spec = ScoreSpec.from_json(json.dumps(document))
    again = json.loads(spec.to_json())
    assert (again["trunk"]["dialect"], again["songs"]) == ("west", [1, 2])
    assert again == document


@pytest.mark.parametrize(
    "spec", [TINY, BASE, LARGE, SMALL, BASE.with_scheme(INT4), BASE.with_scheme(PLAIN), BARE, BLOCKS]
)
def test_a_spec_reads_what_it_writes(spec):
    again = ScoreSpec.from_json(spec.to_json())
    assert (again, hash(again)) == (spec, hash(spec))


def test_a_construction_names_its_own_tensors():
    names = {tensor.name for tensor in BARE.tensors()}
    assert names ^ {tensor.name for tensor in TINY.tensors()} == {"head"} | {
        f"blocks.{layer}.{norm}" for layer in range(6) for norm in ("qn", "kn")
    }
    assert BARE.tensor("head").shape == (8192, 256)
    assert json.loads(BLOCKS.to_json())["attention_block"] == 16


def test_every_tensor_is_named_once_with_its_shape():
    tensors = {tensor.name: tensor for tensor in TINY.tensors()}
    assert len(tensors) == len(TINY.tensors()) == 1 + 6 * 11 + 1 + 3 + 6
    assert tensors["emb"].shape == (8192, 256)
    assert tensors["blocks.0.wq"].shape == (256, 256)
    assert tensors["blocks.5.wk"].shape == (128, 256)
    assert tensors["blocks.3.down"].shape == (256, 704)
    assert tensors["blocks.3.qn"].shape == (64,)
    assert tensors["inp.audio"].shape == (256, 320)
    assert tensors["out.audio"].shape == (320, 256)
    assert TINY.tensor("mod") == tensors["mod"]
    with pytest.raises(InvalidInput, match=r"blocks\.6\.wq"):
        TINY.tensor("blocks.6.wq")


@pytest.mark.parametrize(("scheme", "dtype"), [(INT2, "u8"), (INT4, "u8"), (INT8, "i8"), (PLAIN, "f32")])
def test_a_scheme_is_that_of_the_seven_matrices_alone(scheme, dtype):
    spec = BASE.with_scheme(scheme)
    changed = [tensor for tensor in spec.tensors() if tensor.name.startswith("blocks.0.") and len(tensor.shape) == 2]
    assert [(tensor.scheme, tensor.dtype) for tensor in changed] == [(scheme, dtype)] * 7
    assert spec.tensor("emb").scheme == INT8
    assert spec.parameters == BASE.parameters


def test_only_a_kinds_own_matrices_are_not_shared():
    assert {t.name for t in BASE.tensors() if not t.shared} == {f"{w}.{k}" for w in ("inp", "out") for k in BASE.kinds}


def test_marks_are_known_and_text_forbids_three():
    assert BASE.forbidden == (0, 1, 3)
    assert BASE.specials == tuple(range(13))


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"width": 100},
        {"width": 1 << 30},
        {"feed_forward": 1400},
        {"layers": 2000},
        {"key_value_heads": 3},
        {"head_size": 6},
        {"norm_epsilon": 0.0},
        {"rope_theta": float("nan")},
        {"vocabulary": 5},
        {"vocabulary": 1},
        {"mask": 8192},
        {"scheme": "int1"},
        {"activations": "int4"},
        {"attention": "causal"},
        {"attention": "block-causal"},
        {"attention_block": 8},
        {"prediction": "backwards"},
        {"kinds": {"smell": replace(BASE.kinds["plan"], channels=0)}},
        {"kinds": {"smell": replace(BASE.kinds["plan"], tag=9999)}},
    ],
)
def test_sizes_that_no_body_computes_are_refused(wrong):
    with pytest.raises(InvalidInput):
        replace(BASE, **wrong)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "aios-score/2"),
        (("name",), ""),
        (("name",), 7),
        (("trunk",), []),
        (("trunk", "width"), "512"),
        (("trunk", "width"), True),
        (("trunk", "width"), 513),
        (("trunk", "layers"), 11),
        (("trunk", "layers"), 10**30),
        (("trunk", "norm_epsilon"), None),
        (("trunk", "rope_theta"), float("inf")),
        (("text", "mask"), 8192),
        (("text", "roles"), {"user": 4}),
        (("quantisation", "trunk"), "int3"),
        (("quantisation", "activations"), 8),
        (("trunk", "query_key_norm"), 1),
        (("trunk", "tied_embedding"), False),
        (("attention",), "causal"),
        (("attention_block",), 4),
        (("text", "prediction"), None),
        (("continuous",), {"image": {"channels": 32}}),
        (("continuous",), {"image": 32}),
        (("continuous",), {}),
        (("parameters",), 35_000_065),
        (("shared_parameters",), "all"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(document, path, value):
    inner = document = json.loads(json.dumps(document))
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(CorruptData, match=r"score\.json"):
        ScoreSpec.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "null", "[" * 100_000, "{}", '{"width": ' + "9" * 5000 + "}"])
def test_what_is_no_score_json_is_refused(text):
    with pytest.raises(CorruptData, match=r"score\.json"):
        ScoreSpec.from_json(text)


def test_a_network_without_continuous_kinds_is_whole(document):
    document = {k: v for k, v in document.items() if k not in {"continuous", "parameters", "shared_parameters"}}
    spec = ScoreSpec.from_json(json.dumps(document))
    assert (dict(spec.kinds), spec.parameters == spec.shared_parameters) == ({}, True)


def model_folder(tmp_path, score=b"{}"):
    for name in (WEIGHTS, TOKENIZER):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / SCORE).write_bytes(score)
    return tmp_path


@pytest.mark.parametrize("missing", [WEIGHTS, SCORE, TOKENIZER])
def test_a_folder_that_lacks_a_file_is_no_model(tmp_path, missing):
    (model_folder(tmp_path) / missing).unlink()
    with pytest.raises(NotFound, match=missing):
        read_spec(tmp_path)


def test_a_score_json_that_is_too_large_or_not_text_is_refused(tmp_path):
    with pytest.raises(CorruptData, match="byte 2 is not UTF-8"):
        read_spec(model_folder(tmp_path, b"{}\xff"))
    with pytest.raises(ResourceExhausted):
        read_spec(model_folder(tmp_path, b" " * (SCORE_BYTES + 1)))
