"""The contract of a time grid, and what every grid gives for free. The grids themselves stand beside this file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import InvalidInput

MOST_STEPS: Final = 1024
"""Steps that a grid may have."""

Times = NDArray[np.float64]


class TimeGrid(ABC):
    """A way to spread steps over time. ``place`` says which time belongs to a share of the way.

    Promise: ``place`` is 0 at 0, 1 at 1, and strictly grows.
    """

    name: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def place(self, share: float) -> float:
        """The time, 0..1, at ``share`` (0..1, 1 is noise) of the steps. Raises InvalidInput outside of it."""

    @final
    def times(self, steps: int, begin: float = 1.0) -> Times:
        """The ``steps`` + 1 times that a sampler stops at: strictly falling from ``begin`` to 0.

        A flow that begins later than at noise keeps the grid's form over the time that is left.
        Raises: InvalidInput for ``steps`` outside of 1 … ``MOST_STEPS`` and ``begin`` outside of (0, 1].
        """
        if not 1 <= steps <= MOST_STEPS:
            raise InvalidInput(f"a grid of {steps} steps", hint=f"1 to {MOST_STEPS}", field="flow.steps")
        if not 0 < begin <= 1:
            raise InvalidInput(f"a flow that begins at {begin}", hint="above 0, at most 1", field="begin")
        return np.array([begin * self.place(1 - number / steps) for number in range(steps + 1)])


def checked_share(share: float) -> float:
    """``share`` itself when it is in 0..1; InvalidInput otherwise."""
    if not 0 <= share <= 1:
        raise InvalidInput(f"a share of {share}", hint="0 is data, 1 is noise", field="share")
    return share
