"""The one place where a request's ranges are checked, before it costs anything. It reads no model and no clock."""

from __future__ import annotations

import math
from typing import Final

from brain.backends.choose import COLDEST
from brain.base.errors import InvalidInput
from brain.base.messages import (
    FLOWS,
    MODALITIES,
    ORDERS,
    TIME_GRIDS,
    WAYS,
    Asked,
    CanvasRequest,
    FlowSettings,
    Hole,
    Picture,
    Request,
    Route,
    Settings,
    Speech,
)
from brain.base.names import check_name
from brain.base.seeds import SEED_LIMIT

TEXT_LIMIT_BYTES: Final = 32_768
"""The most text that one call may bring, all parts together: a token can be a single byte, and each takes memory."""
TURNS_LIMIT: Final = 256
MEMORIES_LIMIT: Final = 16
HOLE_LIMIT: Final = 256
PICTURE_LIMIT_BYTES: Final = 1_572_864
"""The largest PNG that a call may bring: 512 x 512 points of four bytes each, and half as much again."""
CAPTION_LIMIT_BYTES: Final = 512
SPEECH_LIMIT_BYTES: Final = 1024
"""About a minute: a WAV of it still fits into one message."""
MAZE_LIMIT_BYTES: Final = 1024

_RANGES: Final = {
    "block": (2, 64),
    "steps": (1, 64),
    "entropy_bound": (0.0, 10.0),
    "temperature": (0.0, 10.0),
    "min_p": (0.0, 1.0),
    "max_tokens": (1, 2048),
    "seed": (0, SEED_LIMIT - 1),
}


_FLOW_RANGES: Final = {
    "steps": (1, 256),
    "guidance": (0.0, 20.0),
    "seed": (0, SEED_LIMIT - 1),
}


def admit(request: Asked, max_deadline_s: float) -> None:
    """Refuse what no engine could run.

    Units:   deadlines in seconds; texts are measured in bytes of UTF-8.
    Raises:  InvalidInput with the field's name as clients know it ("settings.block") and the range in the hint.
    """
    check_name("request_id", request.request_id)
    if request.model:
        check_name("model", request.model)
    _within("deadline_s", request.deadline_s, 0.0, max_deadline_s)
    if request.deadline_s == 0:
        raise InvalidInput("deadline_s is 0", hint="give the call some time", field="deadline_s")
    if isinstance(request, CanvasRequest):
        _check_canvas(request)
        return
    _one_of("modality", request.modality, MODALITIES)
    _within("memories", request.memories, 0, MEMORIES_LIMIT)
    if request.hole is None:
        _check_prompt(request)
    else:
        _check_hole(request, request.hole)
    _check_settings(request.settings)


def text_bytes(field: str, value: str, *, least: int, most: int) -> int:
    """The length of a text in bytes of UTF-8, refused outside of ``least`` … ``most`` or when it is not Unicode."""
    try:
        length = len(value.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{field} holds half a character (a lone surrogate)", field=field) from error
    if not least <= length <= most:
        raise InvalidInput(f"{field} has {length} bytes", hint=f"{least} to {most} bytes of text", field=field)
    return length


def _check_prompt(request: Request) -> None:
    total = text_bytes("prompt", request.prompt, least=1, most=TEXT_LIMIT_BYTES)
    if request.turns and not request.chat:
        raise InvalidInput("turns are given without chat", hint="set chat, or leave the turns out", field="turns")
    if len(request.turns) % 2 or len(request.turns) > TURNS_LIMIT:
        raise InvalidInput(
            f"there are {len(request.turns)} turns",
            hint=f"user and assistant alternate, so their number is even; at most {TURNS_LIMIT}",
            field="turns",
        )
    for turn in request.turns:
        total += text_bytes("turns", turn, least=1, most=TEXT_LIMIT_BYTES)
    if total > TEXT_LIMIT_BYTES:
        raise InvalidInput(
            f"prompt and turns have {total} bytes", hint=f"at most {TEXT_LIMIT_BYTES} together", field="turns"
        )


def _check_hole(request: Request, hole: Hole) -> None:
    if request.prompt or request.chat or request.turns:
        raise InvalidInput("a hole is given together with a prompt", hint="fill or continue, not both", field="prompt")
    total = text_bytes("before", hole.before, least=0, most=TEXT_LIMIT_BYTES)
    total += text_bytes("after", hole.after, least=0, most=TEXT_LIMIT_BYTES)
    if not total:
        raise InvalidInput(
            "a hole with nothing before and after it", hint="give it a side; or generate", field="before"
        )
    if total > TEXT_LIMIT_BYTES:
        raise InvalidInput(
            f"before and after have {total} bytes", hint=f"at most {TEXT_LIMIT_BYTES} together", field="after"
        )
    _within("hole_tokens", hole.tokens, 0, HOLE_LIMIT)


def _check_settings(settings: Settings) -> None:
    _one_of("settings.way", settings.way, WAYS)
    _one_of("settings.order", settings.order, ORDERS)
    for field, (low, high) in _RANGES.items():
        _within(f"settings.{field}", getattr(settings, field), low, high)
    if 0 < settings.temperature < COLDEST:
        hint = f"0 for greedy, or {COLDEST} to {_RANGES['temperature'][1]}"
        raise InvalidInput(f"settings.temperature is {settings.temperature}", hint=hint, field="settings.temperature")


def _check_canvas(request: CanvasRequest) -> None:
    _check_flow(request.flow)
    _within("watch", request.watch, 0, _FLOW_RANGES["steps"][1])
    match request.subject:
        case Picture() as picture:
            _check_picture(picture)
        case Speech(text):
            text_bytes("text", text, least=1, most=SPEECH_LIMIT_BYTES)
        case Route(maze, start, goal):
            text_bytes("maze", maze, least=1, most=MAZE_LIMIT_BYTES)
            for field, cell in (("start", start), ("goal", goal)):
                for place in cell:
                    _within(field, place, 0, MAZE_LIMIT_BYTES)


def _check_flow(flow: FlowSettings) -> None:
    _one_of("flow.sampler", flow.sampler, FLOWS)
    _one_of("flow.grid", flow.grid, TIME_GRIDS)
    for field, (low, high) in _FLOW_RANGES.items():
        _within(f"flow.{field}", getattr(flow, field), low, high)
    most = int(_FLOW_RANGES["steps"][1]) + 1
    if len(flow.times) > most:
        raise InvalidInput(f"{len(flow.times)} times", hint=f"at most {most}", field="flow.times")


def _check_picture(picture: Picture) -> None:
    text_bytes("caption", picture.caption, least=1, most=CAPTION_LIMIT_BYTES)
    text_bytes("style", picture.style, least=0, most=CAPTION_LIMIT_BYTES)
    for field in ("source", "mask"):
        size = len(getattr(picture, field))
        if size > PICTURE_LIMIT_BYTES:
            hint = f"at most {PICTURE_LIMIT_BYTES}"
            raise InvalidInput(f"{field} has {size} bytes", hint=hint, field=field)
    if not picture.source and (picture.mask or picture.strength != 1):
        hint = "name the picture to begin with"
        raise InvalidInput("a mask or a strength is given without a source", hint=hint, field="source")
    _within("strength", picture.strength, 0.0, 1.0)
    if picture.strength == 0:
        raise InvalidInput("strength is 0", hint="above 0: at 0 there is nothing to draw", field="strength")


def _one_of(field: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        raise InvalidInput(f"{field} is {_short(value)}", hint=f"one of {', '.join(words)}", field=field)


def _within(field: str, value: float, low: float, high: float) -> None:
    if not math.isfinite(value) or not low <= value <= high:
        raise InvalidInput(f"{field} is {value}", hint=f"{low} to {high}", field=field)


def _short(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:77] + "...")
