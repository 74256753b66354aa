"""The contract of a corruption: how clean tokens become noisy ones. The laws of time are in ``schedule.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray


@final
@dataclass(frozen=True)
class Corrupted:
    """Noisy ``tokens`` and which places are ``noisy`` (bool), both of the shape that came in."""

    tokens: NDArray[np.uint32]
    noisy: NDArray[np.bool_]


class Corruption(ABC):
    """A way to add noise to tokens; the time's law is handed to it."""

    name: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def corrupt(self, tokens: NDArray[np.uint32], t: float, chance: np.random.Generator) -> Corrupted:
        """Noise ``tokens`` (any shape) as of time ``t`` in 0..1; ``tokens`` is left as it is.

        Chance: ``chance`` alone, one draw a place. Raises: InvalidInput for a time outside of 0..1.
        """
