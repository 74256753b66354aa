from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("state", "pid", "version", "brain", "model", "backend", "uptime_s", "resident_bytes", "running", "queued", "finished", "failed", "cancelled", "memories", "memory_bytes", "cpu", "recent_uncertainty")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BRAIN_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    UPTIME_S_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    MEMORIES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    CPU_FIELD_NUMBER: _ClassVar[int]
    RECENT_UNCERTAINTY_FIELD_NUMBER: _ClassVar[int]
    state: str
    pid: int
    version: str
    brain: str
    model: str
    backend: str
    uptime_s: float
    resident_bytes: int
    running: int
    queued: int
    finished: int
    failed: int
    cancelled: int
    memories: int
    memory_bytes: int
    cpu: str
    recent_uncertainty: float
    def __init__(self, state: _Optional[str] = ..., pid: _Optional[int] = ..., version: _Optional[str] = ..., brain: _Optional[str] = ..., model: _Optional[str] = ..., backend: _Optional[str] = ..., uptime_s: _Optional[float] = ..., resident_bytes: _Optional[int] = ..., running: _Optional[int] = ..., queued: _Optional[int] = ..., finished: _Optional[int] = ..., failed: _Optional[int] = ..., cancelled: _Optional[int] = ..., memories: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., cpu: _Optional[str] = ..., recent_uncertainty: _Optional[float] = ...) -> None: ...

class ListBrainVersionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListBrainVersionsResponse(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[BrainVersion]
    def __init__(self, versions: _Optional[_Iterable[_Union[BrainVersion, _Mapping]]] = ...) -> None: ...

class BrainVersion(_message.Message):
    __slots__ = ("version", "state", "own", "calls", "failed", "uncertainty", "watched_calls", "why")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTY_FIELD_NUMBER: _ClassVar[int]
    WATCHED_CALLS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    version: str
    state: str
    own: _containers.RepeatedScalarFieldContainer[str]
    calls: int
    failed: int
    uncertainty: float
    watched_calls: int
    why: str
    def __init__(self, version: _Optional[str] = ..., state: _Optional[str] = ..., own: _Optional[_Iterable[str]] = ..., calls: _Optional[int] = ..., failed: _Optional[int] = ..., uncertainty: _Optional[float] = ..., watched_calls: _Optional[int] = ..., why: _Optional[str] = ...) -> None: ...

class ReloadBrainRequest(_message.Message):
    __slots__ = ("force",)
    FORCE_FIELD_NUMBER: _ClassVar[int]
    force: bool
    def __init__(self, force: _Optional[bool] = ...) -> None: ...

class ReloadBrainResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class RollbackBrainRequest(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class RollbackBrainResponse(_message.Message):
    __slots__ = ("left", "version")
    LEFT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    left: str
    version: str
    def __init__(self, left: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShutdownResponse(_message.Message):
    __slots__ = ("running",)
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    running: int
    def __init__(self, running: _Optional[int] = ...) -> None: ...
