from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecodeSettings(_message.Message):
    __slots__ = ("way", "block", "steps", "order", "entropy_bound", "temperature", "min_p", "max_tokens", "seed")
    WAY_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    ENTROPY_BOUND_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    MIN_P_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    way: str
    block: int
    steps: int
    order: str
    entropy_bound: float
    temperature: float
    min_p: float
    max_tokens: int
    seed: int
    def __init__(self, way: _Optional[str] = ..., block: _Optional[int] = ..., steps: _Optional[int] = ..., order: _Optional[str] = ..., entropy_bound: _Optional[float] = ..., temperature: _Optional[float] = ..., min_p: _Optional[float] = ..., max_tokens: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class GenerateRequest(_message.Message):
    __slots__ = ("request_id", "prompt", "modality", "model", "chat", "turns", "memories", "settings")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CHAT_FIELD_NUMBER: _ClassVar[int]
    TURNS_FIELD_NUMBER: _ClassVar[int]
    MEMORIES_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    prompt: str
    modality: str
    model: str
    chat: bool
    turns: _containers.RepeatedScalarFieldContainer[str]
    memories: int
    settings: DecodeSettings
    def __init__(self, request_id: _Optional[str] = ..., prompt: _Optional[str] = ..., modality: _Optional[str] = ..., model: _Optional[str] = ..., chat: _Optional[bool] = ..., turns: _Optional[_Iterable[str]] = ..., memories: _Optional[int] = ..., settings: _Optional[_Union[DecodeSettings, _Mapping]] = ...) -> None: ...

class InfillRequest(_message.Message):
    __slots__ = ("request_id", "before", "after", "hole_tokens", "modality", "model", "settings")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    HOLE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    before: str
    after: str
    hole_tokens: int
    modality: str
    model: str
    settings: DecodeSettings
    def __init__(self, request_id: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., hole_tokens: _Optional[int] = ..., modality: _Optional[str] = ..., model: _Optional[str] = ..., settings: _Optional[_Union[DecodeSettings, _Mapping]] = ...) -> None: ...

class Accepted(_message.Message):
    __slots__ = ("request_id", "queue_position")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    queue_position: int
    def __init__(self, request_id: _Optional[str] = ..., queue_position: _Optional[int] = ...) -> None: ...

class Place(_message.Message):
    __slots__ = ("text", "masked", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MASKED_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    masked: bool
    confidence: float
    def __init__(self, text: _Optional[str] = ..., masked: _Optional[bool] = ..., confidence: _Optional[float] = ...) -> None: ...

class PartialState(_message.Message):
    __slots__ = ("step", "passes", "settled", "canvas")
    STEP_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    CANVAS_FIELD_NUMBER: _ClassVar[int]
    step: int
    passes: int
    settled: str
    canvas: _containers.RepeatedCompositeFieldContainer[Place]
    def __init__(self, step: _Optional[int] = ..., passes: _Optional[int] = ..., settled: _Optional[str] = ..., canvas: _Optional[_Iterable[_Union[Place, _Mapping]]] = ...) -> None: ...

class Final(_message.Message):
    __slots__ = ("request_id", "text", "tokens", "pieces", "uncertainty", "token_uncertainty", "passes", "stopped", "model", "brain", "queued_s", "first_state_s", "total_s", "memories", "warning")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    PIECES_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTY_FIELD_NUMBER: _ClassVar[int]
    TOKEN_UNCERTAINTY_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    BRAIN_FIELD_NUMBER: _ClassVar[int]
    QUEUED_S_FIELD_NUMBER: _ClassVar[int]
    FIRST_STATE_S_FIELD_NUMBER: _ClassVar[int]
    TOTAL_S_FIELD_NUMBER: _ClassVar[int]
    MEMORIES_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    text: str
    tokens: _containers.RepeatedScalarFieldContainer[int]
    pieces: _containers.RepeatedScalarFieldContainer[str]
    uncertainty: float
    token_uncertainty: _containers.RepeatedScalarFieldContainer[float]
    passes: int
    stopped: str
    model: str
    brain: str
    queued_s: float
    first_state_s: float
    total_s: float
    memories: _containers.RepeatedScalarFieldContainer[str]
    warning: str
    def __init__(self, request_id: _Optional[str] = ..., text: _Optional[str] = ..., tokens: _Optional[_Iterable[int]] = ..., pieces: _Optional[_Iterable[str]] = ..., uncertainty: _Optional[float] = ..., token_uncertainty: _Optional[_Iterable[float]] = ..., passes: _Optional[int] = ..., stopped: _Optional[str] = ..., model: _Optional[str] = ..., brain: _Optional[str] = ..., queued_s: _Optional[float] = ..., first_state_s: _Optional[float] = ..., total_s: _Optional[float] = ..., memories: _Optional[_Iterable[str]] = ..., warning: _Optional[str] = ...) -> None: ...

class GenerateResponse(_message.Message):
    __slots__ = ("accepted", "partial", "final")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    partial: PartialState
    final: Final
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., partial: _Optional[_Union[PartialState, _Mapping]] = ..., final: _Optional[_Union[Final, _Mapping]] = ...) -> None: ...

class InfillResponse(_message.Message):
    __slots__ = ("accepted", "partial", "final")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    partial: PartialState
    final: Final
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., partial: _Optional[_Union[PartialState, _Mapping]] = ..., final: _Optional[_Union[Final, _Mapping]] = ...) -> None: ...

class FlowSettings(_message.Message):
    __slots__ = ("sampler", "steps", "guidance", "grid", "times", "seed")
    SAMPLER_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    sampler: str
    steps: int
    guidance: float
    grid: str
    times: _containers.RepeatedScalarFieldContainer[float]
    seed: int
    def __init__(self, sampler: _Optional[str] = ..., steps: _Optional[int] = ..., guidance: _Optional[float] = ..., grid: _Optional[str] = ..., times: _Optional[_Iterable[float]] = ..., seed: _Optional[int] = ...) -> None: ...

class DrawRequest(_message.Message):
    __slots__ = ("request_id", "caption", "style", "source", "mask", "strength", "model", "flow", "watch")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    caption: str
    style: str
    source: bytes
    mask: bytes
    strength: float
    model: str
    flow: FlowSettings
    watch: int
    def __init__(self, request_id: _Optional[str] = ..., caption: _Optional[str] = ..., style: _Optional[str] = ..., source: _Optional[bytes] = ..., mask: _Optional[bytes] = ..., strength: _Optional[float] = ..., model: _Optional[str] = ..., flow: _Optional[_Union[FlowSettings, _Mapping]] = ..., watch: _Optional[int] = ...) -> None: ...

class SpeakRequest(_message.Message):
    __slots__ = ("request_id", "text", "model", "flow", "watch")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    text: str
    model: str
    flow: FlowSettings
    watch: int
    def __init__(self, request_id: _Optional[str] = ..., text: _Optional[str] = ..., model: _Optional[str] = ..., flow: _Optional[_Union[FlowSettings, _Mapping]] = ..., watch: _Optional[int] = ...) -> None: ...

class Cell(_message.Message):
    __slots__ = ("row", "column")
    ROW_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    row: int
    column: int
    def __init__(self, row: _Optional[int] = ..., column: _Optional[int] = ...) -> None: ...

class PlanRequest(_message.Message):
    __slots__ = ("request_id", "maze", "start", "goal", "model", "flow")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MAZE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    maze: str
    start: Cell
    goal: Cell
    model: str
    flow: FlowSettings
    def __init__(self, request_id: _Optional[str] = ..., maze: _Optional[str] = ..., start: _Optional[_Union[Cell, _Mapping]] = ..., goal: _Optional[_Union[Cell, _Mapping]] = ..., model: _Optional[str] = ..., flow: _Optional[_Union[FlowSettings, _Mapping]] = ...) -> None: ...

class CanvasState(_message.Message):
    __slots__ = ("step", "passes", "steps", "preview")
    STEP_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    step: int
    passes: int
    steps: int
    preview: bytes
    def __init__(self, step: _Optional[int] = ..., passes: _Optional[int] = ..., steps: _Optional[int] = ..., preview: _Optional[bytes] = ...) -> None: ...

class CanvasFinal(_message.Message):
    __slots__ = ("request_id", "kind", "media_type", "data", "passes", "seed", "uncertainty", "model", "brain", "queued_s", "first_state_s", "total_s", "warning")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    BRAIN_FIELD_NUMBER: _ClassVar[int]
    QUEUED_S_FIELD_NUMBER: _ClassVar[int]
    FIRST_STATE_S_FIELD_NUMBER: _ClassVar[int]
    TOTAL_S_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    kind: str
    media_type: str
    data: bytes
    passes: int
    seed: int
    uncertainty: float
    model: str
    brain: str
    queued_s: float
    first_state_s: float
    total_s: float
    warning: str
    def __init__(self, request_id: _Optional[str] = ..., kind: _Optional[str] = ..., media_type: _Optional[str] = ..., data: _Optional[bytes] = ..., passes: _Optional[int] = ..., seed: _Optional[int] = ..., uncertainty: _Optional[float] = ..., model: _Optional[str] = ..., brain: _Optional[str] = ..., queued_s: _Optional[float] = ..., first_state_s: _Optional[float] = ..., total_s: _Optional[float] = ..., warning: _Optional[str] = ...) -> None: ...

class DrawResponse(_message.Message):
    __slots__ = ("accepted", "state", "final")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    state: CanvasState
    final: CanvasFinal
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., state: _Optional[_Union[CanvasState, _Mapping]] = ..., final: _Optional[_Union[CanvasFinal, _Mapping]] = ...) -> None: ...

class SpeakResponse(_message.Message):
    __slots__ = ("accepted", "state", "final")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    state: CanvasState
    final: CanvasFinal
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., state: _Optional[_Union[CanvasState, _Mapping]] = ..., final: _Optional[_Union[CanvasFinal, _Mapping]] = ...) -> None: ...

class PlanResponse(_message.Message):
    __slots__ = ("accepted", "state", "final")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    state: CanvasState
    final: CanvasFinal
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., state: _Optional[_Union[CanvasState, _Mapping]] = ..., final: _Optional[_Union[CanvasFinal, _Mapping]] = ...) -> None: ...
