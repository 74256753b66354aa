"""Guidance: one velocity out of several that are conditioned apart. It steps nothing and builds no caption.

A score function for the samplers (``sampling/continuous/contract.py``): they never see that there is a caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from brain.backends.body import Body, CancelToken, CanvasPass, Floats, Prefix
from brain.base.errors import InvalidInput


@final
@dataclass(frozen=True)
class Branch:
    """One way to condition a canvas: what stands before it, where its N vectors stand after that, its share."""

    prefix: Prefix
    rows: Floats
    columns: Floats
    weight: float


@final
class Guided:
    """v(x) = sum of weight times v(x | branch), all branches in one call of the body.

    With two branches, caption w and empty caption 1 - w, this is classifier-free guidance: v(empty) + w (v(caption) -
    v(empty)). Branches of weight 0 are not computed.

    Cost:    one call of ``body.velocity`` over as many canvases as there are branches.
    Raises:  InvalidInput where no branch has a weight; Cancelled and DeadlineExceeded from the body.
    Source:  Ho & Salimans 2022, arXiv:2207.12598 (with their w = our w - 1).
    """

    def __init__(self, body: Body, kind: str, branches: Sequence[Branch], cancel: CancelToken | None) -> None:
        self._body = body
        self._kind = kind
        self._branches = tuple(branch for branch in branches if branch.weight != 0)
        self._cancel = cancel
        if not self._branches:
            raise InvalidInput("a score of nothing: no branch has a weight", field="flow.guidance")

    def __call__(self, x: Floats, time: Floats) -> Floats:
        """The guided velocity [N, C] of vectors ``x`` [N, C] at ``time`` [N]."""
        passes = [CanvasPass(one.prefix, self._kind, x, time, one.rows, one.columns) for one in self._branches]
        found = self._body.velocity(passes, self._cancel)
        total = np.zeros(x.shape, dtype=np.float64)
        for branch, velocity in zip(self._branches, found, strict=True):
            total += branch.weight * velocity
        return total.astype(np.float32)
