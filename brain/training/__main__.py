"""The command ``python -m brain.training``: arguments, the check that torch is there, exit codes. Trains nothing."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from brain.base.clock import SystemClock
from brain.base.errors import AiosError, Cancelled, Conflict, InvalidInput, NotFound, Unsupported, row_of

if TYPE_CHECKING:
    from brain.training.plan import Plan
    from brain.training.train import Outcome

HINT = "uv run --group train aios train …"


def main(arguments: Sequence[str]) -> int:
    """Run the command; gives its exit code: 0, or that of the error in the table, with the error on stderr."""
    try:
        asked = _parser().parse_args(arguments)
        if importlib.util.find_spec("torch") is None:
            raise Unsupported("training needs torch", hint=HINT)
        outcome = _run(asked)
    except AiosError as error:
        return _refused(error)
    except KeyboardInterrupt:
        return _refused(Cancelled("ended at once", hint="--resume goes on from the last checkpoint, if any"))
    for line in _told(outcome):
        _say(line)
    return 0


def _refused(error: AiosError) -> int:
    print(error, file=sys.stderr)
    return row_of(error).exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("aios train", description="Train a score network on folders of text.")
    parser.add_argument("--data", type=Path, action="append", metavar="DIR", help="a folder of text; may be repeated")
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL", help="the model folder to make")
    parser.add_argument("--recipe", help="tiny (default), base or large")
    parser.add_argument("--minutes", type=float, help="how long to train (default 10)")
    parser.add_argument("--steps", type=int, help="how many steps to train, instead of --minutes")
    parser.add_argument("--seed", type=int, help="the seed of all chance (default 0)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in MODEL")
    parser.add_argument("--init", type=Path, metavar="MODEL", help="start from this model folder")
    parser.add_argument("--tokenizer", type=Path, metavar="FILE", help="use this tokenizer.json")
    parser.add_argument("--precision", choices=("f32", "bf16"), help="arithmetic; bf16 is the default on a GPU")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--checkpoint-minutes", type=float, default=10.0, help="time between checkpoints")
    return parser


def _run(asked: argparse.Namespace) -> Outcome:
    from brain.training.loop import Surroundings
    from brain.training.train import device_of, resume, start

    if asked.threads is not None and asked.threads < 1:
        raise InvalidInput(f"--threads {asked.threads}: it is at least 1", field="threads")
    stop = _Stop()
    around = Surroundings(SystemClock(), _say, stop.asked, asked.device, asked.threads, asked.checkpoint_minutes * 60)
    previous = {number: signal.signal(number, stop.hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if not asked.resume:
            return start(_plan(asked, device_of(asked.device).type), asked.out, around)
        _agree(asked)
        return resume(asked.out, around)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _plan(asked: argparse.Namespace, device: str) -> Plan:
    from brain.training.plan import RECIPES, Plan

    name = asked.recipe or "tiny"
    if name not in RECIPES:
        raise InvalidInput(f"unknown recipe {name!r}", hint=f"one of {', '.join(RECIPES)}", field="recipe")
    if asked.init is not None and not asked.init.is_dir():
        raise NotFound(f"there is no model folder {asked.init}", field="init")
    return Plan(
        recipe=RECIPES[name],
        data=tuple(folder.absolute() for folder in asked.data or ()),
        steps=asked.steps,
        minutes=10.0 if asked.minutes is None and asked.steps is None else asked.minutes,
        seed=asked.seed or 0,
        init=None if asked.init is None else asked.init.absolute(),
        tokenizer=None if asked.tokenizer is None else asked.tokenizer.absolute(),
        precision=asked.precision or ("bf16" if device == "cuda" else "f32"),
    )


def _agree(asked: argparse.Namespace) -> None:
    """Refuse a flag beside --resume that says other than the plan of the run."""
    from brain.training import checkpoint
    from brain.training.train import WORK

    plan = checkpoint.load(asked.out / WORK / checkpoint.FILE).plan
    given = {
        "recipe": (asked.recipe, plan.recipe.name),
        "data": (asked.data and tuple(folder.absolute() for folder in asked.data), plan.data),
        **{name: (getattr(asked, name), getattr(plan, name)) for name in ("minutes", "steps", "seed", "precision")},
        "init": (asked.init and asked.init.absolute(), plan.init),
        "tokenizer": (asked.tokenizer and asked.tokenizer.absolute(), plan.tokenizer),
    }
    for name, (wanted, planned) in given.items():
        if wanted is not None and wanted != planned:
            hint = f"leave out --{name}: --resume goes on as the run was planned"
            raise Conflict(f"--{name} {wanted}, the run was started with {planned}", hint=hint, field=name)


def _told(outcome: Outcome) -> list[str]:
    figures = outcome.figures
    if figures is None:
        return [f"{outcome.folder} is ready; no held-out text to measure on"]
    bounds = ", ".join(f"{bound:.3f} in blocks of {block}" for block, bound in figures.bounds.items())
    return [
        f"held out, nats a token: next token {figures.next_token:.3f} ({figures.bits_per_byte:.3f} bits a byte), "
        f"at most {bounds}; fill {figures.fill:.3f}; control {figures.unigram:.3f}",
        f"{outcome.folder} is ready",
    ]


class _Stop:
    """Remembers the first interrupt, so that the run ends between two steps; a second one ends it at once."""

    def __init__(self) -> None:
        self._heard = False

    def hear(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler."""
        if self._heard:
            raise KeyboardInterrupt
        self._heard = True

    def asked(self) -> bool:
        """Whether the run should stop."""
        return self._heard


def _say(line: str) -> None:
    """A line for whoever listens; a reader that has gone does not end the run."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123 (kept for the process' life)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
