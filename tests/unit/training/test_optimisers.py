"""Promises of the two optimisers and of the schedule that drives them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from brain.base.errors import InvalidInput
from brain.score.spec import TINY
from brain.score.torch.network import ScoreNetwork
from brain.training.optim.both import Optimisers, is_trunk_matrix
from brain.training.optim.muon import Muon, orthogonal
from brain.training.schedule import rate_factor
from tests.tiny_model import MITE


@pytest.mark.parametrize("shape", [(16, 16), (48, 16), (16, 48)])
def test_an_orthogonal_direction_keeps_the_singular_vectors_and_levels_the_values(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonal(matrix, torch.float32)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    kept = left.mT @ found @ right.mT
    diagonal = kept.diagonal()
    assert float(values.max() / values.min()) > 3
    assert diagonal.min() > 0.3
    assert diagonal.max() < 1.3
    assert float((kept - torch.diag(diagonal)).abs().max()) < 1e-4


def test_a_matrix_of_zeros_stays_where_it_is() -> None:
    assert float(orthogonal(torch.zeros(8, 8), torch.float32).abs().max()) == 0.0


def test_muon_takes_the_steps_of_torchs_own() -> None:
    chance = torch.Generator().manual_seed(1)
    shapes = {"a": (32, 16), "b": (16, 64), "c": (32, 16)}
    ours = {name: torch.randn(shape, generator=chance) for name, shape in shapes.items()}
    theirs = {name: torch.nn.Parameter(of.clone()) for name, of in ours.items()}
    muon = Muon(ours, 0.01, 0.05, torch.bfloat16)
    rival = torch.optim.Muon(
        theirs.values(), lr=0.01, weight_decay=0.05, momentum=0.95, nesterov=True, adjust_lr_fn="match_rms_adamw"
    )
    before = {name: of.clone() for name, of in ours.items()}
    for _ in range(4):
        for name, shape in shapes.items():
            ours[name].grad = torch.randn(shape, generator=chance)
            theirs[name].grad = ours[name].grad.clone()
        muon.step(1.0)
        rival.step()
    for name, of in ours.items():
        moved = theirs[name].detach() - before[name]
        assert float((of - theirs[name].detach()).norm() / moved.norm()) < 0.05


def test_muon_moves_nothing_that_has_no_gradient() -> None:
    matrix = torch.ones(16, 16)
    Muon({"a": matrix}, 0.1, 0.5, torch.float32).step(1.0)
    assert torch.equal(matrix, torch.ones(16, 16))


def test_the_seven_matrices_of_a_block_are_muons_and_nothing_else_is() -> None:
    names = [tensor.name for tensor in TINY.tensors()]
    assert sum(map(is_trunk_matrix, names)) == 7 * TINY.layers
    assert not any(is_trunk_matrix(name) for name in ("emb", "nf", "mod", "time.0", "blocks.0.n1", "inp.image"))


def test_a_step_moves_what_has_a_gradient_and_forgets_it() -> None:
    network = ScoreNetwork(MITE.spec)
    network.initialise(torch.Generator().manual_seed(0))
    optimisers = Optimisers(network, MITE)
    before = {name: of.detach().clone() for name, of in network.named_parameters()}
    loss = network.emb.square().sum() + network.get_parameter("blocks.0.wq").square().sum() * 100
    loss.backward()
    norm = optimisers.step(0.5)
    moved = {name for name, of in network.named_parameters() if not torch.equal(of, before[name])}
    assert moved == {"emb", "blocks.0.wq"}
    assert float(norm) > MITE.clip
    assert all(of.grad is None for of in network.parameters())


def test_the_rate_warms_up_holds_and_cools_down() -> None:
    assert rate_factor(0.0) == 0.02
    assert rate_factor(0.01) == pytest.approx(0.5)
    assert rate_factor(0.02) == rate_factor(0.5) == 1.0
    assert rate_factor(0.55 + 0.45 / 4) == pytest.approx(0.02 + 0.98 / 2)
    assert rate_factor(1.0) == pytest.approx(0.02)


@given(st.floats(0, 1))
def test_the_rate_is_never_nothing_and_never_too_much(progress: float) -> None:
    assert 0.02 <= rate_factor(progress) <= 1.0


@pytest.mark.parametrize("progress", [-0.1, 1.1, float("nan")])
def test_progress_outside_of_a_run_is_refused(progress: float) -> None:
    with pytest.raises(InvalidInput, match="progress"):
        rate_factor(progress)
