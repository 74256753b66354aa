"""Embedders by name: the one that is built in, those of installed packages, and a folder that the user names.

It embeds nothing itself. A package offers an embedder by an entry point of the group ``aios.embedders``: a name, and a
call without arguments that gives an ``Embedder``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, final

import numpy as np

from brain.base.errors import InvalidInput, NotFound, Unsupported
from brain.conditioning.embedding import Embedder, HashedWords, Vectors

GROUP: Final = "aios.embedders"
BUILT_IN: Final = HashedWords.name
FOLDER: Final = "folder:"


def names() -> list[str]:
    """The names that ``embedder`` knows besides folders, the built-in one first."""
    return [BUILT_IN, *sorted({point.name for point in entry_points(group=GROUP)} - {BUILT_IN})]


def embedder(name: str) -> Embedder:
    """The embedder called ``name``; ``folder:PATH`` is a model2vec model in that folder, ``~`` the user's home.

    Raises: NotFound for a name that nothing offers, InvalidInput where a package offers something else or a path
    does not begin at the root, Unsupported where the library for a folder is not installed; whatever the package's
    own call raises.
    """
    if name == BUILT_IN:
        return HashedWords()
    if name.startswith(FOLDER):
        folder = Path(name.removeprefix(FOLDER)).expanduser()
        if not folder.is_absolute():
            raise InvalidInput(
                f"the embedder {name!r} is no path from the root", hint=f"{FOLDER}/...", field="embedder"
            )
        return StaticFolder(folder)
    for point in entry_points(group=GROUP, name=name):
        made = point.load()()
        if not isinstance(made, Embedder):
            raise InvalidInput(f"{point.value} gives a {type(made).__name__}, no Embedder", field=name)
        return made
    raise NotFound(f"no embedder is called {name!r}", hint=f"there are {', '.join(names())} and {FOLDER}PATH")


@final
class StaticFolder(Embedder):
    """A table of token vectors in a folder (model2vec), averaged over a text. Read only from that folder.

    Its name holds a checksum of the table, so a store notices when the folder's model changes.
    Source: Tulkens and van Dongen 2024, model2vec.
    """

    def __init__(self, folder: Path) -> None:
        try:
            library = import_module("model2vec")
        except ImportError as error:
            raise Unsupported(
                "a folder of model2vec without its library", hint="install the extra model2vec"
            ) from error
        table = folder / "model.safetensors"
        if not table.is_file():
            raise NotFound(f"no {table.name} in {folder}", hint="name the folder of a model2vec model")
        self._model = library.StaticModel.from_pretrained(folder)
        with table.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.name = f"model2vec-{digest[:16]}"
        self.width = int(self._model.dim)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors [n, width]. Cost: a few microseconds a word."""
        vectors = np.asarray(self._model.encode(list(texts)), np.float32).reshape(len(texts), self.width)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), np.float32)
