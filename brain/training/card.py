"""Writes the card of a trained model: what it learnt from, how, how well, and what it is not. Computes no figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from brain.base.corpus import SourceNote
from brain.score.spec import ScoreSpec
from brain.training.checkpoint import Place
from brain.training.data.tokens import Source
from brain.training.measure import Figures
from brain.training.plan import Plan
from brain.training.progress import duration

NOTE_LETTERS: Final = 4000
"""A source note is quoted up to here."""
WARNING: Final = (
    "**This is a small model.** It imitates the form of its training text; what it says is often wrong or without "
    "sense, and it must not be relied on for facts, advice or code that is run unread."
)


@final
@dataclass(frozen=True)
class RunRecord:
    """All that a card says of a run. ``figures`` is None where there was too little held-out text to measure on."""

    plan: Plan
    spec: ScoreSpec
    place: Place
    sources: tuple[Source, ...]
    notes: tuple[SourceNote, ...]
    tail: bool
    fingerprint: str
    origin: str
    device: str
    figures: Figures | None


def card(record: RunRecord) -> str:
    """The card as Markdown, the same for the same record."""
    parts = (_head(record), _run(record), _held_out(record), _data(record), _notes(record))
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(record: RunRecord) -> Iterator[str]:
    spec = record.spec
    yield f"# {spec.name}: {spec.parameters / 1e6:.1f} M parameters"
    yield from ("", WARNING, "")
    yield (
        f"A score network for text: width {spec.width}, {spec.layers} layers, {spec.heads} heads, "
        f"{spec.key_value_heads} key heads, feed-forward {spec.feed_forward}, {spec.vocabulary} pieces; trunk "
        f"{spec.scheme}, activations {spec.activations}."
    )
    if spec.kinds:
        kinds = ", ".join(spec.kinds)
        yield f"Trained on text alone: its heads for {kinds} are as they were before the run and make nothing of use."


def _run(record: RunRecord) -> Iterator[str]:
    plan, place = record.plan, record.place
    seen = place.step * plan.recipe.tokens_a_step
    filled = place.step * plan.recipe.fills * plan.recipe.window
    yield from ("", "## The run", "")
    yield f"- recipe {plan.recipe.name}, {plan.length}, seed {plan.seed}, {plan.precision} on {record.device}"
    yield f"- {place.step} steps, {seen} pair tokens and {filled} infilling tokens seen, {duration(place.spent_s)}"
    yield f"- {seen / max(place.spent_s, 1e-9):.0f} pair tokens a second, infilling and all else included"
    yield f"- started from {record.origin}"
    yield "- INT2 weights and INT8 activations in training from the first step"


def _held_out(record: RunRecord) -> Iterator[str]:
    yield from ("", "## Held-out figures", "")
    figures = record.figures
    if figures is None:
        yield "None: there was too little text to hold any out."
        return
    which = "the last 5 % of the training files" if record.tail else "the data's held-out files"
    yield f"On {figures.tokens} tokens, {figures.bytes} bytes, of {which}; nats a token unless said otherwise."
    yield from ("", "| measure | value |", "|---|---|")
    yield f"| next token | {figures.next_token:.3f} |"
    yield f"| the same, bits a byte | {figures.bits_per_byte:.3f} |"
    for block, bound in figures.bounds.items():
        yield f"| blocks of {block}, any-order upper bound | {bound:.3f} |"
    yield f"| infilling, nats a masked token | {figures.fill:.3f} |"
    yield f"| control: guessing by the tokens' shares in the training text | {figures.unigram:.3f} |"


def _data(record: RunRecord) -> Iterator[str]:
    yield from ("", "## Data", "", f"Fingerprint of all files: `{record.fingerprint}`.", "")
    yield from ("| file | documents | tokens | use | sha256 |", "|---|---|---|---|---|")
    for source in record.sources:
        use = "held out" if source.held_out else "training"
        yield f"| {source.name} | {source.documents} | {source.tokens} | {use} | {source.sha256[:16]}… |"


def _notes(record: RunRecord) -> Iterator[str]:
    yield from ("", "## Licences, in the words of the data", "")
    if not record.notes:
        yield "The data has no SOURCE.md: its licence is not known here. Do not hand this model on before you know it."
    for note in record.notes:
        short = note.text[:NOTE_LETTERS] + (" … (cut)" if len(note.text) > NOTE_LETTERS else "")
        yield f"### {note.folder}/SOURCE.md"
        yield from ("", *(f"> {line}" for line in short.splitlines()), "")
