"""What may be called a name: the one rule for ids of calls, models and memories; it looks nothing up."""

from __future__ import annotations

import re
from typing import Final

from brain.base.errors import InvalidInput

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHOWN: Final = 80


def check_name(field: str, value: str) -> None:
    """Refuse what is not an id: a letter or digit, then up to 63 of letters, digits, dot, dash and underscore."""
    if not _NAME.fullmatch(value):
        raise InvalidInput(
            f"{field} is {value[:_SHOWN]!r}{'…' if len(value) > _SHOWN else ''}",
            hint="a name has 1 to 64 letters, digits, dots, dashes or underscores, and begins with a letter or digit",
            field=field,
        )
