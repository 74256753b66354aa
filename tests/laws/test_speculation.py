"""Self-speculation on the shipped model: token for token what next-token decoding gives, on every prompt of the set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brain.backends.native import NativeBody
from brain.base.messages import Request, Settings
from brain.diffusion.plan import plan
from brain.native.tokenizer import Tokenizer
from brain.sampling.contract import State

BASE = Path(__file__).resolve().parents[2] / "brain" / "pretrained" / "base"
TOKENS = 32
TEXTS = (
    "The old man looked at the sea and",
    "A hash table is a data structure that",
    "It was the best of times, it was the worst of times, it was",
    "1, 2, 3, 4, 5, 6, 7, 8,",
    "In 1492",
    "Résumé: naïve café, 日本語, €5 and",
    "\n",
    " ",
    "a" * 200,
    "The quick brown fox jumps over the lazy dog. " * 6,
    "Copy this exactly: red, green, blue. Red, green, blue. Red,",
    "<|end|> is how a message ends, and <|mask|> is",
)
CODE = (
    'def area(radius):\n    """Area of a circle."""\n    return',
    "import os\n\nfor name in os.listdir('.'):\n",
    "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n",
    "if x == 1:\n    y = 1\nelif x == 2:\n    y = 2\nelif x == 3:\n",
)
CHATS = (
    "What is the capital of France?",
    "Write python code: check whether a number is prime",
    "Hi! I would like to book a table for two tonight.",
    "Explain why the sky is blue.",
)
REQUESTS = (
    *(Request(request_id="a", prompt=text) for text in TEXTS),
    *(Request(request_id="a", prompt=text, modality="code") for text in CODE),
    *(Request(request_id="a", prompt=text, chat=True) for text in CHATS),
    Request(
        request_id="a", prompt="And in winter?", chat=True, turns=("Why is it warm in summer?", "The sun is high.")
    ),
)


@pytest.fixture(name="model", scope="module")
def _model() -> tuple[NativeBody, Tokenizer]:
    return NativeBody.open(BASE, 2), Tokenizer.open(BASE / "tokenizer.json")


def last_of(model: tuple[NativeBody, Tokenizer], request: Request, settings: Settings) -> State:
    body, tokenizer = model
    one = plan(Request(**{**vars(request), "settings": settings}), (), body.spec, tokenizer)
    *_, last = one.sampler.states(body, one.task, one.settings, None)
    return last


@pytest.mark.parametrize("request_", REQUESTS, ids=range(len(REQUESTS)))
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_speculation_gives_exactly_the_tokens_of_next_token_decoding(
    model: tuple[NativeBody, Tokenizer], request_: Request, temperature: float
) -> None:
    chosen = {"temperature": temperature, "seed": 11, "max_tokens": TOKENS}
    slow = last_of(model, request_, Settings(way="next-token", **chosen))  # type: ignore[arg-type]
    for block in (5, 16):
        fast = last_of(model, request_, Settings(way="speculate", block=block, **chosen))  # type: ignore[arg-type]
        assert fast.settled.tolist() == slow.settled.tolist()
        assert fast.stopped == slow.stopped
        assert np.array_equal(fast.trace.log_prob, slow.trace.log_prob)


def test_speculation_takes_fewer_passes_than_tokens(model: tuple[NativeBody, Tokenizer]) -> None:
    made = [last_of(model, request, Settings(max_tokens=TOKENS)) for request in REQUESTS]
    tokens, passes = sum(len(one.settled) for one in made), sum(one.passes for one in made)
    assert passes < tokens
