"""Every command of ``aios`` with its words; ranges are checked by the daemon, which knows them better."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import final

from brain.base.messages import (
    EVERYDAY,
    FLOWS,
    MODALITIES,
    ORDERS,
    PICTURE_FLOW,
    ROUTE_FLOW,
    SPEECH_FLOW,
    TIME_GRIDS,
    WAYS,
    FlowSettings,
)


def parser() -> argparse.ArgumentParser:
    """The whole command line. Each command names its room in ``brain/cli`` and the function that runs it."""
    root = argparse.ArgumentParser(
        prog="aios",
        description="A diffusion brain that lives on your own machine.",
        epilog="Exit codes and everything else: README.md and docs/user_guide.md.",
    )
    root.add_argument("--version", action=_Version, help="the version of aios")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    _generation(commands)
    _canvases(commands)
    _memories(commands)
    _daemon(commands)
    _models(commands)
    _brain(commands)
    _house(commands)
    return root


@final
class _Version(argparse.Action):
    """Prints the version when it is asked for: to look it up costs more than all other words together."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("ai-os-diffusion")
        except PackageNotFoundError:
            found = "checkout"
        print(f"aios {found}")
        parser.exit()


_Commands = argparse._SubParsersAction  # argparse gives this type no public name


def _command(commands: _Commands[argparse.ArgumentParser], name: str, what: str, run: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=what, description=what)
    room, _, function = run.partition(".")
    made.set_defaults(room=room, function=function, passes_on=False, rest=())
    return made


def _generation(commands: _Commands[argparse.ArgumentParser]) -> None:
    generate = _command(commands, "generate", "Go on with a text.", "generate.generate")
    generate.add_argument("prompt", metavar="PROMPT", help="the text to go on with; - reads standard input")
    _decoding(generate)
    generate.add_argument("--memories", type=int, default=0, metavar="K", help="show the model up to K memories")
    chat = _command(commands, "chat", "Talk, turn by turn; an empty line or Ctrl-D ends it.", "chat.chat")
    _decoding(chat)
    chat.add_argument("--memories", type=int, default=0, metavar="K", help="show the model up to K memories a turn")
    infill = _command(commands, "infill", "Fill a hole in a text, both sides seen.", "generate.infill")
    infill.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a text file with a hole to fill")
    infill.add_argument("--hole", metavar="FROM:TO", help="the hole in FILE, in characters; it is replaced")
    infill.add_argument("--before", metavar="TEXT", help="the text before the hole, in place of FILE")
    infill.add_argument("--after", metavar="TEXT", help="the text after it")
    infill.add_argument("--tokens", type=int, default=0, metavar="N", help="the hole's length; 0 tries several")
    _decoding(infill)


def _decoding(command: argparse.ArgumentParser) -> None:
    usual = EVERYDAY
    command.add_argument("--way", choices=WAYS, help=f"how to decode (default {usual.way})")
    command.add_argument("--block", type=int, metavar="N", help=f"tokens of a canvas (default {usual.block})")
    command.add_argument("--steps", type=int, metavar="N", help=f"canvas passes a block (default {usual.steps})")
    command.add_argument("--order", choices=ORDERS, help=f"which places open first (default {usual.order})")
    command.add_argument("--entropy-bound", type=float, metavar="NATS", help="for the order entropy-bound")
    command.add_argument("--temperature", type=float, metavar="T", help=f"0 is greedy (default {usual.temperature})")
    command.add_argument("--min-p", type=float, metavar="P", help=f"share of the best (default {usual.min_p})")
    command.add_argument("--max-tokens", type=int, metavar="N", help=f"longest answer (default {usual.max_tokens})")
    command.add_argument("--seed", type=int, metavar="N", help="fixes every draw (default 0)")
    command.add_argument("--modality", choices=MODALITIES, default="text", help="what is written")
    command.add_argument("--model", default="", metavar="NAME", help="a model's name; see aios models")
    command.add_argument("--deadline", type=float, default=120.0, metavar="S", help="seconds it may take")
    command.add_argument("--json", action="store_true", help="one JSON object a line, the last one holds the result")


def _canvases(commands: _Commands[argparse.ArgumentParser]) -> None:
    image = _command(commands, "image", "Draw a picture.", "image.image")
    image.add_argument("caption", metavar="CAPTION", help="what it shows")
    image.add_argument(
        "--style", default="noto", metavar="NAME", help="the style of drawing (default noto; '' is none)"
    )
    image.add_argument("-o", "--out", required=True, metavar="FILE", help="the PNG to write; - is standard output")
    image.add_argument("--variations", type=int, default=1, metavar="N", help="so many pictures, each of the next seed")
    image.add_argument("--from", type=Path, dest="source", metavar="FILE", help="a PNG of 512 x 512 to begin with")
    image.add_argument("--mask", type=Path, metavar="FILE", help="a PNG: white is drawn anew, black stays")
    image.add_argument(
        "--strength", type=float, default=1.0, metavar="S", help="share of noise over --from (default 1)"
    )
    _flow(image, PICTURE_FLOW)
    say = _command(commands, "say", "Say a text.", "speak.speak")
    say.add_argument("text", metavar="TEXT", help="what is said; - reads standard input")
    say.add_argument("-o", "--out", required=True, metavar="FILE", help="the WAV to write; - is standard output")
    _flow(say, SPEECH_FLOW)
    plan = _command(commands, "plan", "Plan a way through a maze.", "plan.plan")
    plan.add_argument("--maze", required=True, metavar="FILE|NAME", help="rows of # and ., or a name: maze2d-umaze …")
    plan.add_argument("--start", required=True, metavar="R,C", help="row,column, counted from 0 at the top left")
    plan.add_argument("--goal", required=True, metavar="R,C", help="row,column of the end")
    _flow(plan, ROUTE_FLOW)


def _flow(command: argparse.ArgumentParser, usual: FlowSettings) -> None:
    command.add_argument("--sampler", choices=FLOWS, help=f"how to follow the flow (default {usual.sampler})")
    command.add_argument("--steps", type=int, metavar="N", help=f"steps of the flow (default {usual.steps})")
    command.add_argument("--guidance", type=float, metavar="W", help=f"the caption's weight (default {usual.guidance})")
    command.add_argument("--grid", choices=TIME_GRIDS, help=f"how steps lie in time (default {usual.grid})")
    command.add_argument("--seed", type=int, metavar="N", help="fixes every draw (default 0)")
    command.add_argument("--model", default="", metavar="NAME", help="a model's name; see aios models")
    command.add_argument("--deadline", type=float, default=120.0, metavar="S", help="seconds it may take")
    command.add_argument("--json", action="store_true", help="one JSON object a line, the last one tells the result")


def _memories(commands: _Commands[argparse.ArgumentParser]) -> None:
    remember = _command(commands, "remember", "Keep a text, or a file's paragraphs.", "memories.remember")
    remember.add_argument("what", nargs="+", metavar="TEXT|FILE", help="words to keep, or names of text files")
    remember.add_argument("--json", action="store_true", help="one JSON object a memory")
    recall = _command(commands, "recall", "Find memories by what they say.", "memories.recall")
    recall.add_argument("query", nargs="+", metavar="QUERY")
    recall.add_argument("--limit", type=int, default=5, metavar="K", help="how many (default 5)")
    recall.add_argument("--json", action="store_true", help="one JSON object a memory")
    forget = _command(commands, "forget", "Forget memories; they leave the disk too.", "forgetting.forget")
    forget.add_argument("names", nargs="*", metavar="ID", help="names as remember and recall print them")
    forget.add_argument("--all", action="store_true", help="every memory; asks twice")
    forget.add_argument("--yes", action="store_true", help="with --all: ask nothing")
    memories = _command(commands, "memories", "How many there are; or all of them out or in.", "forgetting.memories")
    memories.add_argument("action", nargs="?", choices=("show", "export", "import"), default="show")
    memories.add_argument("file", nargs="?", metavar="FILE", help="a new file, or one to import: .parquet or .arrow")
    memories.add_argument("--json", action="store_true", help="as one JSON object")


def _daemon(commands: _Commands[argparse.ArgumentParser]) -> None:
    serve = _command(commands, "serve", "Run the daemon in the foreground.", "daemon.serve")
    serve.add_argument("--model", metavar="NAME", help="the model that is used when none is named")
    serve.add_argument("--backend", choices=("auto", "native", "torch"), help="the body that computes")
    serve.add_argument("--threads", type=int, metavar="N", help="threads of the native body; 0 is one a core")
    status = _command(commands, "status", "How the daemon is.", "daemon.status")
    status.add_argument("--json", action="store_true", help="as one JSON object")
    _command(commands, "stop", "Stop the daemon; what runs may finish.", "daemon.stop")


def _models(commands: _Commands[argparse.ArgumentParser]) -> None:
    models = _command(commands, "models", "The models on this machine.", "models.models")
    models.add_argument("--json", action="store_true", help="one JSON object a model")
    train = _command(commands, "train", "Train a model on your own text.", "local.train")
    train.add_argument(
        "--data", type=Path, action="append", default=[], metavar="DIR", help="a folder of text files; may be repeated"
    )
    train.add_argument("--out", required=True, metavar="MODEL", help="a name (then aios models lists it) or a folder")
    train.set_defaults(passes_on=True)
    train.epilog = "Further words (--recipe, --minutes, --seed, --resume …) go to the training."
    evaluate = _command(commands, "eval", "Measure a model on held-out text.", "local.evaluate")
    evaluate.add_argument("model", metavar="MODEL", help="a model's name or folder")
    evaluate.add_argument("--data", type=Path, required=True, metavar="DIR", help="a folder with held-out text")
    evaluate.set_defaults(passes_on=True)
    evaluate.epilog = "Further words (--limit-bytes, --backend, --json) go to the measurement."
    take = _command(commands, "import", "Turn a checkpoint into a model of this machine.", "local.take")
    take.add_argument("source", type=Path, metavar="FOLDER", help="score.json and its safetensors")
    take.add_argument("out", metavar="MODEL", help="a name (then aios models lists it) or a folder")


def _brain(commands: _Commands[argparse.ArgumentParser]) -> None:
    brain = _command(commands, "brain", "The versions of the rooms that think, and changing them.", "brain.run")
    brain.add_argument("action", choices=("list", "reload", "rollback"))
    brain.add_argument(
        "version", nargs="?", default="", metavar="VERSION", help="to go back to (default: the one before)"
    )
    brain.add_argument("--force", action="store_true", help="reload it although it is in quarantine")
    brain.add_argument("--json", action="store_true", help="one JSON object a version")


def _house(commands: _Commands[argparse.ArgumentParser]) -> None:
    service = _command(commands, "service", "Start aios at login.", "service.run")
    service.add_argument("action", choices=("install",))
    service.add_argument("--print", action="store_true", help="print the file that would be installed")
    service.add_argument("--kind", choices=("launchd", "systemd"), help="which one (default: this system's)")
    config = _command(commands, "config", "The settings and where each comes from.", "settings.run")
    config.add_argument("action", choices=("show",))
    config.add_argument("--origin", action="store_true", help="say where each value comes from")
    config.add_argument("--json", action="store_true", help="as one JSON object")
