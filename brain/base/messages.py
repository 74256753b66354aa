"""What a caller asks and what comes back, as frozen values: the only words that engine, services and clients share.

Not the wire form (``services/convert.py`` translates) and not the sampler's state (``sampling/contract.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

WAYS: Final = ("next-token", "speculate", "block")
"""The ways to decode that a caller may name; infilling has its own call."""

ORDERS: Final = ("confidence", "margin", "entropy-bound", "random", "left-to-right")
"""The orders in which block diffusion and infilling open masked places."""

MODALITIES: Final = ("text", "code")
"""The kinds that can be asked for today."""


@final
@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to decode. Ranges are checked where a request enters the engine (``engine/admission.py``).

    ``temperature`` 0 is greedy. ``min_p`` drops tokens below that share of the likeliest one's probability.
    ``block`` is a canvas' length in tokens, its anchor included; ``steps`` the canvas passes a block may take.
    ``entropy_bound`` (nats) is used by the order of that name. ``seed`` fixes every draw.
    """

    way: str = "speculate"
    block: int = 16
    steps: int = 8
    order: str = "confidence"
    entropy_bound: float = 0.5
    temperature: float = 0.0
    min_p: float = 0.0
    max_tokens: int = 128
    seed: int = 0


EVERYDAY: Final = Settings(temperature=0.7, min_p=0.1)
"""What somebody gets who names no setting: a small model repeats itself when it is greedy."""


@final
@dataclass(frozen=True, kw_only=True)
class Hole:
    """A gap to be filled between two texts; ``tokens`` is its length, or 0 to try several and keep the best."""

    before: str
    after: str
    tokens: int = 0


@final
@dataclass(frozen=True, kw_only=True)
class Request:
    """One generation. Exactly one of ``prompt`` (continue it) and ``hole`` (fill it) is given.

    ``memories`` is how many memories may be retrieved (0: none); ``deadline_s`` counts from admission.
    ``chat`` wraps the prompt in the user and assistant marks that the model was trained with; ``turns`` are the
    earlier ones of the conversation, user and assistant alternating, user first.
    """

    request_id: str
    prompt: str = ""
    hole: Hole | None = None
    modality: str = "text"
    model: str = ""
    chat: bool = False
    turns: tuple[str, ...] = ()
    memories: int = 0
    deadline_s: float = 120.0
    settings: Settings = Settings()


@final
@dataclass(frozen=True)
class Accepted:
    """The call was taken; ``queue_position`` calls are before it."""

    request_id: str
    queue_position: int


@final
@dataclass(frozen=True)
class Place:
    """One place of the canvas as a reader sees it: its text ("" while masked) and how sure the model is of it, 0..1."""

    text: str
    masked: bool
    confidence: float


@final
@dataclass(frozen=True)
class PartialState:
    """Where a generation stands. Whole in itself, so that a slow reader may miss any number of them.

    ``settled`` is all text that will not change any more; ``canvas`` what is being worked on after it.
    """

    step: int
    passes: int
    settled: str
    canvas: tuple[Place, ...]


@final
@dataclass(frozen=True)
class Timings:
    """Seconds: ``queued_s`` until a worker took the call, ``first_state_s`` to the first state, ``total_s`` in all."""

    queued_s: float
    first_state_s: float
    total_s: float


@final
@dataclass(frozen=True, kw_only=True)
class Response:
    """A finished generation.

    ``tokens`` and ``token_uncertainty`` run side by side with ``pieces`` (each token's text; a character split over
    tokens stands with the last of them). Uncertainty is the calibrated probability, 0..1, that a held-out writer would
    have gone on with another token; ``uncertainty`` is its mean over the answer. ``stopped`` is "end", "length" or
    "hole"; ``memories`` the ids of memories that were shown to the model.
    """

    request_id: str
    text: str
    tokens: tuple[int, ...]
    pieces: tuple[str, ...]
    uncertainty: float
    token_uncertainty: tuple[float, ...]
    passes: int
    stopped: str
    model: str
    brain: str
    timings: Timings
    memories: tuple[str, ...] = ()
    warning: str = ""
