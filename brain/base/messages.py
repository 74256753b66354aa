"""What a caller asks and what comes back, as frozen values: the only words that engine, services and clients share.

Not the wire form (``services/convert.py`` translates) and not the sampler's state (``sampling/contract.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, final

WAYS: Final = ("next-token", "speculate", "block")
"""The ways to decode that a caller may name; infilling has its own call."""

ORDERS: Final = ("confidence", "margin", "entropy-bound", "random", "left-to-right")
"""The orders in which block diffusion and infilling open masked places."""

MODALITIES: Final = ("text", "code")
"""The kinds of text; what is made on a canvas of vectors is asked for with a ``CanvasRequest``."""

FLOWS: Final = ("euler", "heun", "midpoint", "ab2", "dpm-solver++2m", "sde")
"""The ways to follow a flow from noise to a canvas of vectors."""

TIME_GRIDS: Final = ("uniform", "logit-normal", "cosine", "shifted")
"""The ways to spread a flow's steps over time; ``FlowSettings.times`` is one of the caller's own."""


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


@final
@dataclass(frozen=True, kw_only=True)
class FlowSettings:
    """How to follow a flow. Ranges are checked where a request enters the engine (``engine/admission.py``).

    ``steps`` on the time grid ``grid``, or on ``times`` (falling from 1 to 0) where it is not empty. ``guidance`` is
    the weight of the caption: 1 is the model's own law, 0 leaves the caption out, more follows it harder than the
    data did. ``seed`` fixes every draw.
    """

    sampler: str = "ab2"
    steps: int = 16
    guidance: float = 3.0
    grid: str = "shifted"
    times: tuple[float, ...] = ()
    seed: int = 0


PICTURE_FLOW: Final = FlowSettings()
"""How a picture is drawn unless the request says otherwise."""
SPEECH_FLOW: Final = FlowSettings(guidance=1.5, grid="cosine")
"""How a sentence is spoken unless the request says otherwise."""
ROUTE_FLOW: Final = FlowSettings(sampler="sde", guidance=1.0, grid="uniform")
"""How a way is planned unless the request says otherwise."""


@final
@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture to draw: 512 x 512 points, red, green, blue and straight alpha.

    ``source`` (PNG, 512 x 512) is what to begin with. With a ``mask`` (PNG of the same size) its white points are
    drawn anew and its black ones stay to the point as they are; without, all of it is drawn over. ``strength``, above
    0 and at most 1, is how much of what is drawn comes from noise: 1 keeps nothing of the source there.
    """

    caption: str
    style: str = "noto"
    source: bytes = b""
    mask: bytes = b""
    strength: float = 1.0


@final
@dataclass(frozen=True)
class Speech:
    """A text to be said, sentence by sentence: 16,000 samples a second, one channel."""

    text: str


@final
@dataclass(frozen=True)
class Route:
    """A way to plan through a maze from ``start`` to ``goal``, each (row, column) of a free cell, counted from 0.

    ``maze`` is the name of a maze that comes with aios, or its rows with line feeds between: # is a wall.
    """

    maze: str
    start: tuple[int, int]
    goal: tuple[int, int]


Subject: TypeAlias = Picture | Speech | Route


@final
@dataclass(frozen=True, kw_only=True)
class CanvasRequest:
    """One flow: what to make of noise (``subject``) and how (``flow``).

    ``watch`` asks for a preview after every so many steps (0: none); it costs a decoding each. ``deadline_s`` counts
    from admission.
    """

    request_id: str
    subject: Subject
    model: str = ""
    deadline_s: float = 120.0
    flow: FlowSettings = FlowSettings()
    watch: int = 0


@final
@dataclass(frozen=True)
class CanvasState:
    """Where a flow stands: ``step`` of ``steps`` (of all sentences together), ``passes`` through the network.

    ``preview`` is what there is to show: of a picture a small PNG of where the flow would land now, of speech a WAV of
    all sentences that are finished; empty where nothing was asked for or is ready.
    """

    step: int
    passes: int
    steps: int
    preview: bytes = b""


@final
@dataclass(frozen=True, kw_only=True)
class CanvasResponse:
    """A finished flow. ``kind`` is "image", "audio" or "plan", ``data`` the file that ``media_type`` names.

    A plan's file is JSON (``docs/user_guide.md`` names its keys). ``uncertainty`` is None where none is measured:
    no number is made up. ``passes`` counts calls of the network; one with guidance holds two canvases.
    """

    request_id: str
    kind: str
    media_type: str
    data: bytes
    passes: int
    seed: int
    model: str
    brain: str
    timings: Timings
    uncertainty: float | None = None
    warning: str = ""


Asked: TypeAlias = Request | CanvasRequest
Shown: TypeAlias = PartialState | CanvasState
Answer: TypeAlias = Response | CanvasResponse
