"""Model folders in torch."""

from __future__ import annotations

import numpy as np
import pytest

from brain.base.errors import AiosError, CorruptData, NotFound
from brain.native.weights import Weights, write_weights
from brain.score.folder import SCORE, WEIGHTS
from brain.score.spec import INT4, INT8, PLAIN
from brain.score.torch.load import from_folder, tensors_of
from tests.models import SMALL, random_tensors, write_model


def test_a_model_folder_gives_its_tensors_back_within_their_rounding(tmp_path):
    write_model(tmp_path, seed=4)
    state = from_folder(tmp_path).state_dict()
    for name, value in random_tensors(SMALL, 4).items():
        error = np.linalg.norm(state[name].numpy() - value) / np.linalg.norm(value)
        assert error < {SMALL.scheme: 0.4, INT8: 0.02, PLAIN: 1e-3}[SMALL.tensor(name).scheme], name
        assert not state[name].requires_grad


@pytest.mark.parametrize("scheme", [INT4, INT8, PLAIN])
def test_every_scheme_of_the_trunk_can_be_read(tmp_path, scheme):
    spec = SMALL.with_scheme(scheme)
    write_model(tmp_path, spec, seed=4)
    found = from_folder(tmp_path).state_dict()["blocks.0.up"].numpy()
    value = random_tensors(spec, 4)["blocks.0.up"]
    assert np.linalg.norm(found - value) / np.linalg.norm(value) < {INT4: 0.15, INT8: 0.02, PLAIN: 1e-6}[scheme]


def test_weights_that_are_not_those_of_score_json_are_refused(tmp_path):
    write_model(tmp_path)
    (tmp_path / SCORE).write_text(SMALL.with_scheme(INT4).to_json())
    with pytest.raises(CorruptData, match=r"blocks\.0\.wq is .*int2"):
        from_folder(tmp_path)


def test_a_file_without_a_tensor_is_refused(tmp_path):
    write_weights(tmp_path / WEIGHTS, [("nf", (128,), "plain", np.ones(128, np.float32), None)], {})
    with pytest.raises(CorruptData, match="emb"):
        tensors_of(Weights.open(tmp_path / WEIGHTS), SMALL)


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(NotFound):
        from_folder(tmp_path / "nowhere")


def test_a_damaged_file_is_refused(tmp_path):
    write_model(tmp_path)
    path = tmp_path / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(AiosError, match=str(path)):
        from_folder(tmp_path)
