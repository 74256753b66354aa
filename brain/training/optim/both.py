"""Muon for the trunk's matrices and AdamW for everything else, stepped as one. Computes no gradients."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from brain.score.spec import TRUNK
from brain.score.torch.network import ScoreNetwork
from brain.training.optim.muon import Muon
from brain.training.plan import Recipe

ADAM_BETAS = (0.9, 0.95)


def is_trunk_matrix(name: str) -> bool:
    """Whether a parameter of that name is one of the seven matrices of a block."""
    return name.startswith("blocks.") and name.rpartition(".")[2] in TRUNK


@final
class Optimisers:
    """Both optimisers of one network, at the recipe's rates; gradients are clipped to the recipe's norm.

    ``dtype`` is Muon's arithmetic; parameters and states are float32.
    """

    def __init__(self, network: ScoreNetwork, recipe: Recipe, dtype: torch.dtype = torch.float32) -> None:
        named = dict(network.named_parameters())
        self._all = list(named.values())
        self._recipe = recipe
        matrices = {name: of for name, of in named.items() if is_trunk_matrix(name)}
        rest = [of for name, of in named.items() if not is_trunk_matrix(name)]
        self._muon = Muon(matrices, recipe.matrix_rate, recipe.weight_decay, dtype)
        self._adam = torch.optim.AdamW(rest, lr=recipe.rest_rate, betas=ADAM_BETAS, weight_decay=0.0)

    def step(self, factor: float) -> Tensor:
        """Clip, move all parameters at ``factor`` times their rates, forget the gradients; gives the norm before."""
        norm = torch.nn.utils.clip_grad_norm_(self._all, self._recipe.clip)
        for group in self._adam.param_groups:
            group["lr"] = self._recipe.rest_rate * factor
        self._muon.step(factor)
        self._adam.step()
        for parameter in self._all:
            parameter.grad = None
        return norm

    def state(self) -> dict[str, Any]:
        """All of their state, for a checkpoint."""
        return {"muon": self._muon.state(), "adam": self._adam.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Take what ``state`` gave. Raises KeyError, ValueError or RuntimeError when it is another network's."""
        self._muon.load(state["muon"])
        self._adam.load_state_dict(state["adam"])
