"""A very small model, really trained on a few kilobytes in seconds: ``train_tiny(folder, seed)`` gives its folder.

For tests that need a network which has learnt something. It goes the product's own way (``brain.training.train``),
so the folder holds all that a model folder holds; the text is made by a seeded grammar, ``little_text``. A session
fixture is one line: ``return train_tiny(tmp_path_factory.mktemp("model"), 0)``.
"""

from __future__ import annotations

import random
from pathlib import Path

from brain.base.clock import SystemClock
from brain.score.spec import KindSpec, ScoreSpec
from brain.training.loop import Surroundings
from brain.training.plan import Plan, Recipe
from brain.training.train import start

MITE = Recipe(
    name="mite",
    spec=ScoreSpec(
        name="mite",
        width=64,
        layers=2,
        heads=1,
        key_value_heads=1,
        feed_forward=128,
        vocabulary=384,
        kinds={"plan": KindSpec(4, 11)},
    ),
    window=64,
    pairs=8,
    fills=4,
    blocks=(8, 16),
    matrix_rate=5e-3,
    rest_rate=1e-2,
)
STEPS = 80

WHO = ("the cat", "a dog", "my sister", "the old man", "one bird")
DOES = ("sees", "likes", "looks for", "forgets")
WHAT = ("the river", "a red ball", "some bread", "the moon", "an open door")


def little_text(seed: int, sentences: int) -> str:
    """Sentences of one grammar, eight to a document, with the marker between documents."""
    chance = random.Random(seed)
    lines = []
    for number in range(sentences):
        lines.append(f"{chance.choice(WHO)} {chance.choice(DOES)} {chance.choice(WHAT)}.")
        if number % 8 == 7:
            lines.append("<|endoftext|>")
    return "\n".join(lines) + "\n"


def little_data(folder: Path, seed: int) -> Path:
    """A folder of about 12 kB to train on and 3 kB held out; made when it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "little.txt").write_text(little_text(seed, 400), encoding="utf-8")
    (folder / "little.val.txt").write_text(little_text(seed + 1000, 100), encoding="utf-8")
    return folder


def quiet(stop_after: int | None = None) -> Surroundings:
    """Surroundings on one CPU thread that nobody hears, stopped at the given question of whether to stop."""
    asked = iter(range(1 << 30))
    return Surroundings(
        clock=SystemClock(),
        say=lambda line: None,
        stop=lambda: stop_after is not None and next(asked) >= stop_after,
        device="cpu",
        threads=1,
    )


def train_tiny(folder: Path, seed: int) -> Path:
    """Train on ``little_data`` under ``folder`` for some seconds; gives the model folder, ``folder / "model"``."""
    plan = Plan(recipe=MITE, data=(little_data(folder / "data", seed),), steps=STEPS, seed=seed)
    return start(plan, folder / "model", quiet()).folder
