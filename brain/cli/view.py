"""What a reader sees of a generation: a terminal that redraws, a pipe that only grows, or lines of JSON."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final, TextIO, final

from brain.base import env
from brain.base.messages import Accepted, PartialState, Response
from brain.cli import frame, shade

_ERASE_DOWN: Final = "\x1b[J"


class View(ABC):
    """Shows a generation as it comes: ``accepted``, any number of ``partial``, ``final``; ``close`` in any case."""

    @abstractmethod
    def accepted(self, event: Accepted) -> None:
        """The call was taken."""

    @abstractmethod
    def partial(self, event: PartialState) -> None:
        """Where it stands; some may be left out."""

    @abstractmethod
    def final(self, event: Response) -> None:
        """The end."""

    @abstractmethod
    def close(self) -> None:
        """Leave the terminal as it was; also after an error or Ctrl-C."""


@final
class JsonView(View):
    """One object a line: ``{"accepted": …}``, ``{"partial": …}`` and last ``{"final": …}``."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def accepted(self, event: Accepted) -> None:
        """See View."""
        self._say("accepted", asdict(event))

    def partial(self, event: PartialState) -> None:
        """See View."""
        self._say("partial", asdict(event))

    def final(self, event: Response) -> None:
        """See View; ``seconds`` is the time in all, beside the timings one by one."""
        told = asdict(event)
        told["seconds"] = event.timings.total_s
        self._say("final", told)

    def close(self) -> None:
        """See View."""

    def _say(self, name: str, value: Mapping[str, object]) -> None:
        print(json.dumps({name: value}), file=self._out, flush=True)


@final
class PipeView(View):
    """The text alone on ``out``, as it settles; what is said about it on ``notes``. No colours, no cursor play."""

    def __init__(self, out: TextIO, notes: TextIO) -> None:
        self._out = out
        self._notes = notes
        self._shown = 0

    def accepted(self, event: Accepted) -> None:
        """See View."""
        if event.queue_position:
            print(f"aios: {event.queue_position} before this one", file=self._notes, flush=True)

    def partial(self, event: PartialState) -> None:
        """See View."""
        self._grow(event.settled)

    def final(self, event: Response) -> None:
        """See View."""
        self._grow(event.text)
        print(file=self._out, flush=True)
        for line in summary(event):
            print(line, file=self._notes, flush=True)

    def close(self) -> None:
        """See View."""

    def _grow(self, text: str) -> None:
        print(text[self._shown :], end="", file=self._out, flush=True)
        self._shown = max(self._shown, len(text))


@final
class TerminalView(View):
    """The canvas at work: rows on the screen are redrawn, rows that scroll away stay as they are."""

    def __init__(self, out: TextIO, prompt: str, *, width: int, height: int, colours: bool) -> None:
        self._out = out
        self._prompt = prompt
        self._width = max(8, width)
        self._room = max(2, height - 2)
        self._colours = colours
        self._frozen = 0
        self._drawn = 0

    def accepted(self, event: Accepted) -> None:
        """See View."""
        waiting = f"waiting, {event.queue_position} before this one" if event.queue_position else self._prompt
        self._draw([frame.Run(waiting, shade.DIM)])

    def partial(self, event: PartialState) -> None:
        """See View."""
        self._draw(frame.live(self._prompt, event.settled, event.canvas))

    def final(self, event: Response) -> None:
        """See View."""
        words = shade.words(event.pieces, event.token_uncertainty)
        self._draw(frame.finished(self._prompt, words))
        lines = [*summary(event), *([shade.legend()] if self._colours else [])]
        self._out.write("\n\n" + "\n".join(f"{self._dim()}{line}{self._plain()}" for line in lines) + "\n")
        self._out.flush()
        self._drawn = 0

    def close(self) -> None:
        """See View."""
        if self._drawn:
            self._out.write(f"{self._plain()}\n")
            self._out.flush()

    def _draw(self, runs: list[frame.Run]) -> None:
        if not self._colours:
            runs = [frame.Run(run.text) for run in runs]
        all_rows = frame.rows(runs, self._width)
        frozen = max(self._frozen, len(all_rows) - self._room)
        back = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
        start = f"\r{back}{_ERASE_DOWN}" if self._drawn else ""
        self._out.write(start + "\n".join(all_rows[self._frozen :]))
        self._out.flush()
        self._drawn = len(all_rows) - frozen
        self._frozen = frozen

    def _dim(self) -> str:
        return shade.DIM if self._colours else ""

    def _plain(self) -> str:
        return shade.RESET if self._colours else ""


def summary(event: Response) -> list[str]:
    """What is said under a text: how sure, how it was made, by whom; then the model's own warning."""
    count, times = len(event.tokens), event.timings
    a_pass = f" ({count / event.passes:.1f} a pass)" if event.passes else ""
    lines = [
        f"uncertainty {event.uncertainty:.2f} · {count} tokens in {event.passes} passes{a_pass}",
        f"{times.total_s:.2f} s, first state {times.first_state_s * 1000:.0f} ms · "
        f"model {event.model} · brain {event.brain}",
    ]
    if event.memories:
        lines.append(f"memories shown to the model: {', '.join(event.memories)}")
    if event.warning:
        lines.append(event.warning)
    return lines


def view(out: TextIO, notes: TextIO, prompt: str, *, as_json: bool, environ: Mapping[str, str]) -> View:
    """The view that fits: JSON where asked for, a terminal that redraws where there is one, else a pipe."""
    if as_json:
        return JsonView(out)
    if not out.isatty() or environ.get("TERM") in {None, "", "dumb"}:
        return PipeView(out, notes)
    size = os.get_terminal_size(out.fileno())
    colours = not environ.get(env.NO_COLOR)
    return TerminalView(out, prompt, width=size.columns or 80, height=size.lines or 24, colours=colours)
