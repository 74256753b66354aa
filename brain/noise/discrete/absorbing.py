"""The absorbing corruption: each place becomes the mask with the law's chance, and then stays one."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput
from brain.noise.corruption import Corrupted, Corruption
from brain.noise.schedule import Schedule


@final
class Absorbing(Corruption):
    """Masks each place on its own with chance 1 - alpha(t); ``mask`` is the mask's token."""

    name = "absorbing"
    source = "Austin et al. 2021, arXiv:2107.03006"

    def __init__(self, schedule: Schedule, mask: int) -> None:
        self._schedule = schedule
        self._mask = np.uint32(mask)

    def corrupt(self, tokens: NDArray[np.uint32], t: float, chance: np.random.Generator) -> Corrupted:
        """Mask places of ``tokens``, which may not hold the mask already (InvalidInput)."""
        if bool(np.any(tokens == self._mask)):
            raise InvalidInput(f"the clean tokens hold the mask {self._mask}", field="tokens")
        noisy = chance.random(tokens.shape) >= self._schedule.alpha(t)
        return Corrupted(np.where(noisy, self._mask, tokens).astype(np.uint32), noisy)
