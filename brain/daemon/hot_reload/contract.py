"""What the engine calls of a version, by place and parameters, and the hand-over of a room's state. It runs no call."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from brain.base.errors import RejectedByGate
from brain.daemon.brain_version import ROOMS
from brain.daemon.hot_reload.loader import Loaded
from brain.daemon.hot_reload.snapshot import MEND


@final
@dataclass(frozen=True)
class Entry:
    """A function that must be there: its module, its name, and the parameters that it is called with, in order."""

    module: str
    name: str
    parameters: tuple[str, ...]


GENERATE: Final = Entry(
    "diffusion.core", "generate", ("body", "tokenizer", "request", "calibration", "memories", "cancel", "clock")
)
RETRIEVE: Final = Entry("conditioning.retrieval", "retrieve", ("memories", "tokenizer", "query", "limit"))
DRAW: Final = Entry("diffusion.canvas", "generate", ("parts", "request", "cancel"))
CALIBRATION: Final = Entry("uncertainty.calibration", "from_json", ("text", "where"))
"""How a version takes over the calibration of an open model: as the text of its file, not as a stranger's object."""

ENTRIES: Final = (GENERATE, RETRIEVE, DRAW, CALIBRATION)

STATE: Final = "state"
"""A room that keeps something between calls has a module of this name with ``export_state()`` and ``migrate(told)``."""


def entries(loaded: Loaded) -> dict[Entry, Callable[..., Any]]:
    """The functions of ``ENTRIES`` in a version; its modules are run for it.

    Raises: RejectedByGate for one that is missing or cannot be called as the engine calls it; whatever the files raise.
    """
    return {entry: _checked(loaded, entry) for entry in ENTRIES}


def hand_over(old: Loaded | None, new: Loaded) -> None:
    """Give each room of ``new`` that has a ``migrate`` what the room of ``old`` exports, as plain JSON data.

    A room that the older version exports nothing from is not asked. Raises: RejectedByGate for what is no plain data;
    whatever ``export_state`` and ``migrate`` raise.
    """
    for room in ROOMS:
        module = f"{room}.{STATE}"
        if old is None or not old.has(module) or not new.has(module):
            continue
        export = getattr(old.module(module), "export_state", None)
        migrate = getattr(new.module(module), "migrate", None)
        if callable(export) and callable(migrate):
            migrate(_plain(module, export()))


def _plain(module: str, told: Any) -> Mapping[str, Any]:
    """The same as data that no version made: classes of the old version stay behind."""
    try:
        plain = json.loads(json.dumps(told))
    except (TypeError, ValueError, RecursionError) as error:
        raise RejectedByGate(f"{module}: export_state gave no plain data: {error}", hint=MEND) from None
    if not isinstance(plain, dict):
        raise RejectedByGate(f"{module}: export_state gave no mapping", hint=MEND)
    return plain


def _checked(loaded: Loaded, entry: Entry) -> Callable[..., Any]:
    file = f"{entry.module.replace('.', '/')}.py"
    if not loaded.has(entry.module):
        raise RejectedByGate(f"{file} is not there: the engine calls its {entry.name}", hint=MEND)
    found = getattr(loaded.module(entry.module), entry.name, None)
    if not callable(found):
        raise RejectedByGate(f"{file} has no function {entry.name}", hint=MEND)
    wrong = next(_objections(found, entry.parameters), "")
    if wrong:
        raise RejectedByGate(f"{file}: {entry.name} {wrong}", hint=f"its parameters are {', '.join(entry.parameters)}")
    return found  # type: ignore[no-any-return]


def _objections(found: Callable[..., Any], names: tuple[str, ...]) -> Iterator[str]:
    """Why a function cannot be called with these parameters by position."""
    try:
        given = list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        yield "has no signature that can be read"
        return
    for number, name in enumerate(names):
        if number >= len(given) or given[number].name != name:
            yield f"does not take {name} as its parameter {number + 1}"
        elif given[number].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            yield f"does not take {name} by position"
    for extra in given[len(names) :]:
        if extra.default is extra.empty and extra.kind not in {extra.VAR_POSITIONAL, extra.VAR_KEYWORD}:
            yield f"wants {extra.name}, which nobody gives"
