"""What lies in a model folder, and its ``score.json``. It opens no weights.

A folder holds weights.arrow, score.json and tokenizer.json, perhaps uncertainty.json and CARD.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from brain.base.errors import CorruptData, NotFound, ResourceExhausted, StorageFailed
from brain.score.spec import ScoreSpec

WEIGHTS: Final = "weights.arrow"
SCORE: Final = "score.json"
TOKENIZER: Final = "tokenizer.json"
SCORE_BYTES: Final = 4 << 20
"""The largest ``score.json`` that is read."""


def score_json(folder: Path) -> str:
    """The text of a folder's ``score.json``.

    Raises: NotFound where the folder or one of its three files is missing, ResourceExhausted above 4 MiB, CorruptData
    when it is not UTF-8, StorageFailed when the system refuses it.
    """
    for name in (SCORE, WEIGHTS, TOKENIZER):
        if not (folder / name).is_file():
            hint = "a model folder is what `aios import` or training has written"
            raise NotFound(f"{folder} is no model folder: it has no {name}", hint=hint)
    path = folder / SCORE
    try:
        raw = path.read_bytes() if path.stat().st_size <= SCORE_BYTES else None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise StorageFailed(message, errno=error.errno, filename=str(path)) from error
    if raw is None:
        raise ResourceExhausted(f"{path} is larger than {SCORE_BYTES} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptData(f"{path}: byte {error.start} is not UTF-8") from error


def read_spec(folder: Path) -> ScoreSpec:
    """What a model folder says its network is. Raises as ``score_json`` and ``ScoreSpec.from_json``."""
    return ScoreSpec.from_json(score_json(folder))
