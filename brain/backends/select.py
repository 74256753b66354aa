"""Picks the body of a model folder by name. torch is imported only when it was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from brain.backends.body import Body
from brain.base.errors import InvalidInput, Unsupported

Backend = Literal["auto", "native", "torch"]
Precision = Literal["int8", "f32"]
BACKENDS: Final[tuple[Backend, ...]] = ("auto", "native", "torch")


def open_body(folder: Path, backend: Backend = "auto", threads: int = 1, precision: Precision | None = None) -> Body:
    """The body of a model folder; "auto" is the native one, the only one that serves.

    ``threads`` is the native body's; ``precision`` that of activations, None what the model names (native) or f32
    (torch, which is the control). Raises: InvalidInput for a name that is none, Unsupported when torch was asked
    for and is not installed, and what the body's ``open`` raises.
    """
    if backend in {"auto", "native"}:
        from brain.backends.native import NativeBody

        return NativeBody.open(folder, threads, precision)
    if backend != "torch":
        raise InvalidInput(f"there is no backend {backend!r}", hint=f"one of {', '.join(BACKENDS)}", field="backend")
    try:
        from brain.backends.torch import TorchBody
    except ModuleNotFoundError as error:
        raise Unsupported(f"the torch body needs {error.name}", hint="uv run --group train …") from error
    return TorchBody.open(folder, precision or "f32")
