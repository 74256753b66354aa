"""From a loaded version to what the engine calls: its entries, checked, with a calibration of its own. It runs none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, final

from brain.backends.body import Body, CancelToken
from brain.base.clock import Clock
from brain.base.messages import PartialState, Request, Response
from brain.conditioning.retrieval import Recaller, Retrieved
from brain.daemon.drawing import drawn_by
from brain.daemon.hot_reload.contract import CALIBRATION, DRAW, GENERATE, RETRIEVE, entries
from brain.daemon.hot_reload.exam import Subject
from brain.daemon.hot_reload.loader import Loaded
from brain.engine.brain import Brain
from brain.engine.models import Model
from brain.uncertainty.calibration import Calibration, to_json

if TYPE_CHECKING:
    from brain.native.tokenizer import Tokenizer


@final
class Assembly:
    """The calls of one version. Building it runs the version's modules; raises what they raise, or RejectedByGate."""

    def __init__(self, loaded: Loaded) -> None:
        self._version = loaded.version
        self._found = entries(loaded)
        self._calibrations: dict[int, tuple[Calibration, Any]] = {}

    def brain(self, memories: Recaller) -> Brain:
        """What the engine is given; ``memories`` are those that the daemon keeps open."""
        retrieve = self._found[RETRIEVE]

        def retrieved(request: Request, model: Model) -> Retrieved:
            return retrieve(memories, model.tokenizer, request.prompt, request.memories)  # type: ignore[no-any-return]

        return Brain(self._version, self._generate, retrieved, drawn_by(self._found[DRAW]))

    def subject(self, body: Body, tokenizer: Any, calibration: Calibration | None) -> Subject:
        """What a self-test is given."""
        found = self._found
        return Subject(found[GENERATE], found[RETRIEVE], found[DRAW], body, tokenizer, self._own(calibration))

    def _generate(  # noqa: PLR0917  (the engine's one call)
        self,
        body: Body,
        tokenizer: Tokenizer,
        request: Request,
        calibration: Calibration | None,
        memories: Sequence[str],
        cancel: CancelToken,
        clock: Clock,
    ) -> Iterator[PartialState | Response]:
        generate: Callable[..., Iterator[PartialState | Response]] = self._found[GENERATE]
        return generate(body, tokenizer, request, self._own(calibration), memories, cancel, clock)

    def _own(self, calibration: Calibration | None) -> Any:
        """An open model's calibration as this version reads it; made once a model, which stays open anyway."""
        if calibration is None:
            return None
        kept = self._calibrations.get(id(calibration))
        if kept is None:
            own = self._found[CALIBRATION](to_json(calibration), "the open model's calibration")
            kept = self._calibrations[id(calibration)] = (calibration, own)
        return kept[1]
