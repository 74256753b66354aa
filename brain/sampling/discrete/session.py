"""One generation's hold on a body: its prefix, its choice rule and the count of its passes. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np

from brain.backends.body import Body, CancelToken, Choice, Prefix, Proposal, See, TextPass, Tokens
from brain.base.errors import InvalidInput
from brain.base.messages import Settings
from brain.sampling.contract import Task


@final
class Session:
    """A prefix that holds all of ``task.before`` but its last token, which waits as the first anchor.

    That last token is the first of the next pass, so a prompt costs one pass without the proposal head.
    Raises: InvalidInput for an empty ``before``, a mask in the known text, a hole where the way continues a text
    (``filling`` false) or none where it fills one, and for settings under which no text would ever come.
    """

    def __init__(
        self, body: Body, task: Task, settings: Settings, cancel: CancelToken | None, *, filling: bool = False
    ) -> None:
        _check(task, settings, filling)
        self._body = body
        self._cancel = cancel
        self._choice = Choice(settings.temperature, settings.min_p, settings.seed, task.forbid)
        self.prefix = body.prefix()
        self.passes = 0
        if len(task.before) > 1:
            body.hidden([TextPass(self.prefix, task.before[:-1], See.CAUSAL)], self._checked())
            self.passes = 1

    def canvas(self, tokens: Tokens) -> Proposal:
        """What a bidirectional pass over ``tokens`` [L], the anchor first, says of the L places after the anchor."""
        return self.propose([TextPass(self.prefix, tokens, See.CANVAS)])[0]

    def causal(self, tokens: Tokens, targets: Sequence[int] | None = None) -> Proposal:
        """Append ``tokens`` [L] to the prefix; what the L places after each of them hold, and the targets' scores."""
        asked = None if targets is None else np.array(targets, dtype=np.int64)
        return self.propose([TextPass(self.prefix, tokens, See.CAUSAL, asked)])[0]

    def propose(self, passes: Sequence[TextPass], forbid: tuple[int, ...] = ()) -> list[Proposal]:
        """One pass through the network over all of ``passes``; ``forbid`` are left out beside the task's own."""
        rule = self._choice
        if forbid:
            rule = Choice(rule.temperature, rule.min_p, rule.seed, rule.forbid + forbid)
        made = self._body.propose(passes, rule, self._checked())
        self.passes += 1
        return made

    def forks(self, count: int) -> list[Prefix]:
        """``count`` copies of the prefix, for passes that stand side by side in one call."""
        return [self.prefix.fork() for _ in range(count)]

    def _checked(self) -> CancelToken | None:
        """The cancel token, read once between passes; it raises when the call should end."""
        if self._cancel is not None:
            self._cancel.check()
        return self._cancel


def _check(task: Task, settings: Settings, filling: bool) -> None:
    """Refuse a task that the way cannot take."""
    if len(task.before) == 0:
        raise InvalidInput("there is nothing to go on from", hint="give at least one token", field="before")
    if (task.after is not None) != filling:
        hint = 'a hole is filled by the way "fill", and a text is continued by the others'
        raise InvalidInput(f"a task with{'out' if filling else ''} a hole", hint=hint, field="settings.way")
    known = task.before if task.after is None else np.concatenate([task.before, task.after])
    if bool(np.any(known == task.mask)):
        raise InvalidInput(f"the known text holds the mask {task.mask}", field="before")
    for name, least in (("max_tokens", 1), ("block", 2), ("steps", 1)):
        if (value := getattr(settings, name)) < least:
            raise InvalidInput(f"{name} is {value}", hint=f"at least {least}", field=f"settings.{name}")
