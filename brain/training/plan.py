"""What a run of training will do, as one frozen value that a checkpoint keeps: recipe, data, length, seed. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

from brain.base.errors import CorruptData, InvalidInput
from brain.base.seeds import SEED_LIMIT
from brain.score.spec import BASE, LARGE, TINY, ScoreSpec

PRECISIONS: Final = ("f32", "bf16")
"""The arithmetic of the trunk; parameters and optimisers are float32 in either."""


@final
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The network and how much of what a step sees.

    ``window`` is the length of a text in tokens; a step has ``pairs`` texts for the pair objective, ``accumulate``
    times over, and ``fills`` for infilling. ``blocks`` are the block sizes of the pair objective, one a pass.
    ``fill_weight`` weighs infilling against next-token and masked loss (1 each). ``memory_share`` of the pair windows
    begin with a memory. Rates are those at the schedule's height.
    """

    name: str
    spec: ScoreSpec
    window: int
    pairs: int
    fills: int
    accumulate: int = 1
    blocks: tuple[int, ...] = (8, 16, 32)
    fill_weight: float = 0.5
    memory_share: float = 0.08
    matrix_rate: float = 2e-3
    rest_rate: float = 2.5e-3
    weight_decay: float = 0.05
    clip: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no step could do."""
        for name in ("window", "pairs", "fills", "accumulate"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} is {getattr(self, name)}; it is at least 1", field=name)
        for block in self.blocks:
            if block < 2 or block & (block - 1) or self.window % block:
                hint = "a power of two that divides the window"
                raise InvalidInput(f"block {block} in a window of {self.window}", hint=hint, field="blocks")

    @property
    def tokens_a_step(self) -> int:
        """Pair tokens that a step sees, each counted once though it stands in both halves."""
        return self.pairs * self.accumulate * self.window

    @property
    def least_tokens(self) -> int:
        """The fewest tokens of text that a run can draw its windows from."""
        return self.window + 2


RECIPES: Final[Mapping[str, Recipe]] = MappingProxyType(
    {
        "tiny": Recipe(name="tiny", spec=TINY, window=256, pairs=4, fills=2),
        "base": Recipe(name="base", spec=BASE, window=1024, pairs=128, fills=64),
        "large": Recipe(name="large", spec=LARGE, window=1024, pairs=128, fills=64),
    }
)
"""Recipes by the name that the command takes; "tiny" is for a CPU and minutes, the others want a GPU."""


@final
@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run. Exactly one of ``steps`` and ``minutes`` bounds it; minutes count training alone, over all resumptions.

    ``init`` is a model folder to start from, ``tokenizer`` a file to use instead of learning one from the data.
    """

    recipe: Recipe
    data: tuple[Path, ...]
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    init: Path | None = None
    tokenizer: Path | None = None
    precision: str = "f32"

    def __post_init__(self) -> None:
        """Refuse contradictions."""
        if (self.steps is None) == (self.minutes is None):
            raise InvalidInput("a run is bounded by steps or by minutes", hint="give one of --steps and --minutes")
        length = self.minutes if self.steps is None else self.steps
        if length is None or not 0 < length < math.inf:
            raise InvalidInput(f"a run of length {length}", hint="give a number above 0")
        if not 0 <= self.seed < SEED_LIMIT:
            raise InvalidInput(f"seed {self.seed} is not in 0..{SEED_LIMIT - 1}", field="seed")
        if self.precision not in PRECISIONS:
            raise InvalidInput(f"unknown precision {self.precision!r}", hint=" or ".join(PRECISIONS), field="precision")
        if not self.data:
            raise InvalidInput("a run needs at least one folder of text", hint="--data DIR", field="data")
        if self.init is not None and self.tokenizer is not None:
            hint = "a model's tokenizer comes with it: leave --tokenizer out"
            raise InvalidInput("--init and --tokenizer exclude each other", hint=hint, field="tokenizer")

    @property
    def length(self) -> str:
        """How long the run is, in words."""
        return f"{self.steps} steps" if self.steps is not None else f"{self.minutes:g} minutes"

    def progress(self, step: int, spent_s: float) -> float:
        """How far the run is, 0..1, before step ``step`` after ``spent_s`` seconds of training."""
        done = step / self.steps if self.steps is not None else spent_s / (60.0 * (self.minutes or math.inf))
        return min(1.0, done)

    def with_spec(self, spec: ScoreSpec) -> Plan:
        """The same run for the network that tokenizer or start decided on."""
        return replace(self, recipe=replace(self.recipe, spec=spec))

    def to_json(self) -> str:
        """The plan as JSON; ``from_json`` of it is this plan."""
        recipe = {**_without(self.recipe, "spec"), "spec": json.loads(self.recipe.spec.to_json())}
        plan = {**_without(self, "recipe"), "recipe": recipe}
        return json.dumps(plan, default=str, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Plan:
        """Read what ``to_json`` wrote. Raises CorruptData."""
        try:
            plan = json.loads(text)
            recipe = plan.pop("recipe")
            spec = ScoreSpec.from_json(json.dumps(recipe.pop("spec")))
            recipe["blocks"] = tuple(recipe["blocks"])
            plan["data"] = tuple(Path(folder) for folder in plan["data"])
            for name in ("init", "tokenizer"):
                plan[name] = None if plan[name] is None else Path(plan[name])
            return Plan(recipe=Recipe(spec=spec, **recipe), **plan)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptData(f"the plan of a checkpoint cannot be read: {error}") from error


def _without(value: Recipe | Plan, name: str) -> dict[str, object]:
    shallow = {key: getattr(value, key) for key in value.__dataclass_fields__ if key != name}
    return {key: list(map(str, of)) if key == "data" else of for key, of in shallow.items()}
