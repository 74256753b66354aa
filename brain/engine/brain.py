"""The reference through which a call reaches the brain: which version runs it, and how it went. It loads no version."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, final

if TYPE_CHECKING:
    from brain.engine.engine import Draw, Generate, Retrieve


@final
@dataclass(frozen=True, eq=False)
class Brain:
    """One version of the rooms that think, by the calls that the engine makes of it.

    What goes in and comes out is of rooms that are never replaced (``base``, ``backends``, ``score``, ``native``) or is
    read by its fields alone, so that two versions' values mean the same to the engine. ``draw`` None makes text alone.
    """

    version: str
    generate: Generate
    retrieve: Retrieve
    draw: Draw | None = None


@final
@dataclass
class Call:
    """One call's hold on a version, from its first step to its last; ``uncertainty`` is set where it ended well."""

    brain: Brain
    uncertainty: float | None = None


class Brains(Protocol):
    """Gives each call the version that serves when it begins. Safe to use from several threads."""

    @property
    @abstractmethod
    def serving(self) -> str:
        """The name of the version that the next call gets."""

    @abstractmethod
    def call(self) -> AbstractContextManager[Call]:
        """Hold a version for one call: it stays whole until the block ends, which tells how the call went."""


@final
class OneBrain(Brains):
    """The same version for every call."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain

    @property
    def serving(self) -> str:
        """Its name."""
        return self._brain.version

    def call(self) -> AbstractContextManager[Call]:
        """The one version; nothing is remembered of the call."""
        return nullcontext(Call(self._brain))
