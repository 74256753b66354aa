"""Finds the models on this machine and opens each at most once; names are ids, never paths. Reads no weights itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from brain.base.errors import AiosError, InvalidInput, NotFound
from brain.base.names import check_name
from brain.base.reports import ModelReport
from brain.score.spec import ScoreSpec

if TYPE_CHECKING:
    from brain.backends.body import Body
    from brain.diffusion.coders import Coders
    from brain.native.tokenizer import Tokenizer
    from brain.uncertainty.calibration import Calibration

WEIGHTS: Final = "weights.arrow"
DESCRIPTION: Final = "score.json"
CARD: Final = "CARD.md"

_CARD_LIMIT: Final = 65_536
_WARNING_LIMIT: Final = 400


@final
@dataclass(frozen=True)
class Model:
    """An open model: what a generation needs of it. ``calibration`` is None where the folder has none.

    ``coders`` turn canvases into pictures and sound and back; None where the model was opened for text alone.
    """

    name: str
    body: Body
    tokenizer: Tokenizer
    calibration: Calibration | None
    warning: str
    coders: Coders | None = None


@final
class Shelf:
    """The models in ``folders``, a subfolder each; a later folder's model wins over an earlier one's of the same name.

    ``load`` opens a folder under its name and the card's warning. Safe to use from several threads: two callers who
    ask for a model that is not open yet wait for one opening. A failed opening is not kept: the next call tries anew.
    """

    def __init__(self, folders: Sequence[Path], default: str, load: Callable[[str, Path, str], Model]) -> None:
        self._folders = tuple(folders)
        self._default = default
        self._load = load
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}
        self._open: dict[str, Model] = {}

    @property
    def default(self) -> str:
        """The model's name that "" stands for."""
        return self._default

    def opened(self, name: str = "") -> Model | None:
        """The model if it is open now; never opens one."""
        return self._open.get(name or self._default)

    def open(self, name: str = "") -> Model:
        """The model of that name, "" the default one, opened now if it is not yet.

        Raises: NotFound for a name without a folder; whatever ``load`` raises for a folder that is not a model.
        """
        name = name or self._default
        if model := self._open.get(name):
            return model
        folder = self._found().get(name)
        if folder is None:
            known = ", ".join(sorted(self._found())) or "none yet"
            raise NotFound(f"there is no model {name!r}", hint=f"models here: {known}", field="model")
        with self._lock:
            opening = self._opening.setdefault(name, threading.Lock())
        with opening:
            if name not in self._open:
                self._open[name] = self._load(name, folder, warning_of(folder))
            return self._open[name]

    def reports(self) -> tuple[ModelReport, ...]:
        """Every model, in the order of names; one that cannot be read says why in ``problem``."""
        return tuple(self._report(name, folder) for name, folder in sorted(self._found().items()))

    def _found(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for root in self._folders:
            for folder in sorted(root.iterdir()) if root.is_dir() else ():
                if _is_name(folder.name) and (folder / DESCRIPTION).is_file():
                    found[folder.name] = folder
        return found

    def _report(self, name: str, folder: Path) -> ModelReport:
        parameters, scheme, problem, weight_bytes = 0, "", "", 0
        try:
            spec = ScoreSpec.from_json((folder / DESCRIPTION).read_text("utf-8"))
            parameters, scheme = spec.parameters, spec.scheme
            weight_bytes = (folder / WEIGHTS).stat().st_size
        except AiosError as error:
            problem = error.message
        except FileNotFoundError:
            problem = f"it has no {WEIGHTS}"
        except (OSError, UnicodeDecodeError) as error:
            problem = f"it cannot be read: {type(error).__name__}"
        return ModelReport(
            name=f"models/{name}",
            parameters=parameters,
            weight_bytes=weight_bytes,
            scheme=scheme,
            loaded=name in self._open,
            is_default=name == self._default,
            warning=warning_of(folder),
            problem=problem,
        )


def warning_of(folder: Path) -> str:
    """What a reader must know of a model's words: the first sentence of its card that begins in bold, or ""."""
    try:
        with (folder / CARD).open("r", encoding="utf-8", errors="replace") as card:
            lines = card.read(_CARD_LIMIT).splitlines()
    except OSError:
        return ""
    bold = next((line for line in lines if line.startswith("**")), "")
    return (bold.replace("**", "").split(". ")[0].rstrip(".") + ".")[:_WARNING_LIMIT] if bold else ""


def _is_name(text: str) -> bool:
    try:
        check_name("model", text)
    except InvalidInput:
        return False
    return True
