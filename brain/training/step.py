"""One step of training: draw windows, mask, both objectives, move the parameters. Keeps no clock and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brain.base.seeds import derive
from brain.score.torch.network import ScoreNetwork
from brain.training.data.windows import WindowSource
from brain.training.losses.fill import fill_loss
from brain.training.losses.laws import fill_law, mask_of, pair_law
from brain.training.losses.maskings import Masking, fill_masking, fill_prefixes, pair_masking
from brain.training.losses.pair import pair_loss
from brain.training.optim.both import Optimisers
from brain.training.plan import Plan

if TYPE_CHECKING:
    from brain.training.losses.laws import Mask

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
COMPILED_FORMS = 64
"""A GPU compiles a block anew for every mask and shape; this many forms are allowed before it gives up."""


@final
@dataclass(frozen=True)
class StepLosses:
    """Nats a token of a step's three losses, and the norm of its gradient before clipping; scalars on the device."""

    next_token: Tensor
    masked: Tensor
    fill: Tensor
    gradient: Tensor


@final
class Objectives:
    """Both objectives for one network on one device; makes each mask of attention once."""

    def __init__(self, network: ScoreNetwork, plan: Plan, device: torch.device) -> None:
        self.network, self.plan, self.device = network, plan, device
        self._dtype = DTYPES[plan.precision]
        self._masks: dict[tuple[str, int], Mask] = {}

    def pair(self, windows: NDArray[np.int64], block: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Next-token and masked loss of windows [B, L + 1], masked by ``random``."""
        count, length = windows.shape[0], windows.shape[1] - 1
        masked, weights = self._sent(pair_masking(count, length, block, random))
        tokens = torch.from_numpy(windows).to(self.device)
        mask = self._mask("pair", length, block)
        return pair_loss(self.network, tokens, masked, weights, mask=mask, dtype=self._dtype)

    def fill(self, texts: NDArray[np.int64], prefix: int, random: np.random.Generator) -> Tensor:
        """Infilling loss of texts [B, L] with a canvas from ``prefix`` on, masked by ``random``."""
        masked, weights = self._sent(fill_masking(texts.shape[0], texts.shape[1], prefix, random))
        tokens = torch.from_numpy(texts).to(self.device)
        mask = self._mask("fill", texts.shape[1], prefix)
        return fill_loss(self.network, tokens, masked, weights, mask=mask, dtype=self._dtype)

    def _sent(self, masking: Masking) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(masking.masked).to(self.device), torch.from_numpy(masking.weights).to(self.device)

    def _mask(self, objective: str, length: int, size: int) -> Mask:
        if (objective, size) not in self._masks:
            of = torch.tensor(size, device=self.device)
            law, places = (pair_law(length, of), 2 * length) if objective == "pair" else (fill_law(of), length)
            self._masks[objective, size] = mask_of(law, places, self.device)
        return self._masks[objective, size]


@final
class Stepper:
    """Takes steps. What step n sees and masks depends on the plan's seed, the data and n alone.

    So a run that goes on from a checkpoint needs no state of chance but the number of its next step; on a CPU, with
    the same number of threads, it takes the same steps to the bit.
    """

    def __init__(self, objectives: Objectives, optimisers: Optimisers, source: WindowSource) -> None:
        self._objectives, self._optimisers, self._source = objectives, optimisers, source
        self._prefixes = fill_prefixes(objectives.plan.recipe.window)

    def step(self, number: int, factor: float) -> StepLosses:
        """Step ``number`` (from 0) at ``factor`` times the full learning rates."""
        recipe, seed = self._objectives.plan.recipe, self._objectives.plan.seed
        random = np.random.Generator(np.random.PCG64(derive(seed, "step", number)))
        next_token = masked = torch.zeros((), device=self._objectives.device)
        for _ in range(recipe.accumulate):
            block = int(random.choice(recipe.blocks))
            windows = self._source.draw(recipe.pairs, recipe.window + 1, recipe.memory_share, random)
            following, hidden = self._objectives.pair(windows, block, random)
            ((following + hidden) / recipe.accumulate).backward()  # type: ignore[no-untyped-call]
            next_token = next_token + following.detach() / recipe.accumulate
            masked = masked + hidden.detach() / recipe.accumulate
        prefix = int(random.choice(self._prefixes))
        fill = self._objectives.fill(self._source.draw(recipe.fills, recipe.window, 0.0, random), prefix, random)
        (fill * recipe.fill_weight).backward()  # type: ignore[no-untyped-call]
        return StepLosses(next_token, masked, fill.detach(), self._optimisers.step(factor))


def compile_blocks(network: ScoreNetwork) -> None:
    """Compile each block of a network on a GPU, where flex attention needs it."""
    torch._dynamo.config.recompile_limit = COMPILED_FORMS
    for block in network.blocks:
        block.compile(dynamic=False)
