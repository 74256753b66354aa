"""Freezes a request into what a sampler is given: the task, the settings, the way. It runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from brain.base.messages import Request, Settings
from brain.diffusion.prompt import Vocabulary, hole_tokens, prompt_tokens
from brain.sampling.contract import DiscreteSampler, Task
from brain.sampling.policy import way_of
from brain.sampling.registry import sampler
from brain.score.spec import ScoreSpec


@final
@dataclass(frozen=True)
class Plan:
    """One generation, fixed before its first pass."""

    sampler: DiscreteSampler
    task: Task
    settings: Settings


def plan(request: Request, memories: Sequence[str], spec: ScoreSpec, vocabulary: Vocabulary) -> Plan:
    """The plan of a request.

    A mark that opens or ends a part of a document ends the text: ``<|endoftext|>``, ``<|end|>``, a role, a memory or
    code. Every other special token can never be chosen.

    Raises: InvalidInput for a prompt that is too long, and for an unknown way.
    """
    stop = (spec.eos, spec.end, spec.user, spec.assistant, spec.system, spec.memory, spec.code)
    marks = {*spec.specials, *(token for token, _ in vocabulary.specials())}
    forbid = tuple(sorted(marks.difference(stop)))
    if request.hole is None:
        before = prompt_tokens(request, memories, spec, vocabulary)
        task = Task(before, None, 0, stop, forbid, spec.mask)
    else:
        before, after = hole_tokens(request, memories, spec, vocabulary)
        task = Task(before, after, request.hole.tokens, stop, forbid, spec.mask)
    return Plan(sampler(way_of(request)), task, request.settings)
