"""``aios import``: a folder of safetensors becomes a model folder, whole or not at all."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from brain.base.errors import Conflict, CorruptData, NotFound
from brain.native.quant import int2_to_codes
from brain.native.weights import Weights
from brain.score.folder import SCORE, TOKENIZER, WEIGHTS, read_spec
from brain.score.importing import main, take
from brain.score.spec import INT2, INT8
from brain.score.torch.load import from_folder
from tests.models import BASE, SMALL, random_tensors, write_model


def source(folder, tensors, spec=SMALL):
    folder.mkdir()
    (folder / SCORE).write_text(spec.to_json())
    shutil.copyfile(BASE / TOKENIZER, folder / TOKENIZER)
    save_file(tensors, folder / "score.safetensors")
    return folder


@pytest.fixture
def plain(tmp_path):
    return source(tmp_path / "plain", random_tensors(SMALL, 8))


def packed_tensors(folder):
    """The product's file in the form that training writes: codes and scales row by row."""
    weights, tensors = Weights.open(folder / WEIGHTS), {}
    for tensor in SMALL.tensors():
        packed, scales = weights.packed(tensor.name), weights.scales(tensor.name)
        if tensor.scheme == INT2:
            codes, scales = int2_to_codes(np.array(packed), np.array(scales), *tensor.shape)
            tensors[f"{tensor.name}.codes"] = codes.reshape(tensor.shape[0], -1)
            tensors[f"{tensor.name}.scales"] = scales.reshape(tensor.shape[0], -1)
        elif tensor.scheme == INT8:
            tensors["emb.q8"] = np.array(packed).view(np.int8).reshape(tensor.shape)
            tensors["emb.s"] = np.array(scales).reshape(-1, 1)
        else:
            tensors[f"{tensor.name}.{'g' if tensor.dtype == 'f32' else 'weight'}"] = np.array(packed)
    return tensors


def test_packed_tensors_are_never_rounded_again(tmp_path):
    model = write_model(tmp_path / "model", seed=9)
    made = tmp_path / "made"
    take(source(tmp_path / "packed", packed_tensors(model)), made)
    want, found = from_folder(model).state_dict(), from_folder(made).state_dict()
    assert all(np.array_equal(want[name].numpy(), found[name].numpy()) for name in want)
    assert read_spec(made) == SMALL


def test_plain_tensors_are_rounded_as_the_spec_says(tmp_path, plain):
    size = take(plain, tmp_path / "made")
    assert (tmp_path / "made" / WEIGHTS).stat().st_size == size
    want = from_folder(write_model(tmp_path / "model", seed=8)).state_dict()
    found = from_folder(tmp_path / "made").state_dict()
    assert all(np.array_equal(want[name].numpy(), found[name].numpy()) for name in want)


def test_a_card_comes_along(tmp_path, plain):
    (plain / "CARD.md").write_text("# small")
    take(plain, tmp_path / "made")
    assert (tmp_path / "made" / "CARD.md").read_text() == "# small"


@pytest.mark.parametrize("missing", [SCORE, TOKENIZER, "score.safetensors"])
def test_a_source_that_lacks_a_file_is_refused(tmp_path, plain, missing):
    (plain / missing).unlink()
    with pytest.raises(NotFound, match=missing):
        take(plain, tmp_path / "made")


def test_a_model_that_is_there_is_never_written_over(tmp_path, plain):
    (tmp_path / "made").mkdir()
    with pytest.raises(Conflict, match="made"):
        take(plain, tmp_path / "made")
    assert not any((tmp_path / "made").iterdir())


def changed(tensors, name, value):
    return {**{k: v for k, v in tensors.items() if k != name}, **({name: value} if value is not None else {})}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blocks.1.wq", None),
        ("blocks.1.wq", np.zeros((64, 128), np.float32)),
        ("nf", np.zeros(128, np.int32)),
        ("mod", np.full((256, 128), 1e9, np.float32)),
    ],
)
def test_tensors_that_disagree_leave_nothing_behind(tmp_path, name, value):
    folder = source(tmp_path / "wrong", changed(random_tensors(SMALL, 8), name, value))
    with pytest.raises(CorruptData, match=name):
        take(folder, tmp_path / "made")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wrong"]


def test_the_command_says_what_it_made_and_what_went_wrong(tmp_path, plain, capsys):
    assert main([str(plain), str(tmp_path / "made")]) == 0
    assert "bytes of weights" in capsys.readouterr().out
    assert main([str(plain), str(tmp_path / "made")]) == 4
    assert "hint:" in capsys.readouterr().err
    assert main([str(tmp_path / "none"), str(tmp_path / "other")]) == 3
    (plain / SCORE).write_bytes(b"\xff")
    assert main([str(plain), str(tmp_path / "other")]) == 5
    (tmp_path / "wall").write_text("")
    (plain / SCORE).write_text(SMALL.to_json())
    assert main([str(plain), str(tmp_path / "wall" / "made")]) == 6
