"""Keeps a run on disk so that it can go on: weights, optimisers, plan, place. When is the loop's choice."""

from __future__ import annotations

import errno
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import torch

from brain.base.errors import CorruptData, NotFound, StorageFailed
from brain.score.torch.network import ScoreNetwork
from brain.training.files import write_whole
from brain.training.optim.both import Optimisers
from brain.training.plan import Plan

FORMAT: Final = "aios-checkpoint/1"
FILE: Final = "checkpoint.pt"


@final
@dataclass(frozen=True)
class Place:
    """Where a run stands: steps taken, seconds of training spent; the next step is number ``step``.

    Chance has no state: what a step draws follows from the plan's seed and its number (``step.py``).
    """

    step: int
    spent_s: float


@final
@dataclass(frozen=True)
class Checkpoint:
    """A run as read back. ``fingerprint`` is that of its text; ``network`` and ``optimisers`` are states to load."""

    plan: Plan
    fingerprint: str
    place: Place
    network: dict[str, Any]
    optimisers: dict[str, Any]

    def restore(self, network: ScoreNetwork, optimisers: Optimisers) -> None:
        """Put the states in place. Raises CorruptData when they are another network's."""
        try:
            network.load_state_dict(self.network)
            optimisers.load(self.optimisers)
        except (KeyError, ValueError, RuntimeError) as error:
            raise CorruptData(f"the checkpoint does not fit its own plan: {error}") from error


def save(
    path: Path, plan: Plan, fingerprint: str, place: Place, *, network: ScoreNetwork, optimisers: Optimisers
) -> None:
    """Write a checkpoint whole or not at all. Cost: three numbers a parameter, 4 bytes each. Raises StorageFailed."""
    state = {
        **{"format": FORMAT, "plan": plan.to_json(), "fingerprint": fingerprint},
        **{"step": place.step, "spent_s": place.spent_s},
        **{"network": network.state_dict(), "optimisers": optimisers.state()},
    }
    write_whole(path, lambda stream: torch.save(state, stream))


def load(path: Path) -> Checkpoint:
    """Read a checkpoint, tensors to the CPU; no code in the file is run.

    Raises: NotFound when there is none, CorruptData for what is not a whole checkpoint, StorageFailed.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        hint = "start a run without --resume"
        raise NotFound(f"there is no checkpoint at {path}", hint=hint) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise CorruptData(f"{path} is not a whole checkpoint: {error}") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # torch looked for something before the beginning of a file that was cut
            raise CorruptData(f"{path} is not a whole checkpoint: it is cut short") from error
        raise StorageFailed(f"{path} cannot be read", errno=error.errno, filename=str(path)) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CorruptData(f"{path} is not a checkpoint of the form {FORMAT}")
    try:
        place = Place(int(state["step"]), float(state["spent_s"]))
        plan = Plan.from_json(state["plan"])
        return Checkpoint(plan, str(state["fingerprint"]), place, dict(state["network"]), dict(state["optimisers"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptData(f"{path} lacks a part of a checkpoint: {error}") from error
