"""``aios models``: what this machine can generate with."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from brain.cli.connection import connected


def models(words: argparse.Namespace) -> int:
    """A line a model, the default one marked; a model that cannot be used says why."""
    with connected() as client:
        found = client.models()
    for model in found:
        if words.json:
            print(json.dumps(asdict(model)))
            continue
        mark = "*" if model.is_default else " "
        size = f"{model.parameters / 1e6:.1f} M parameters, {model.weight_bytes / 1e6:.1f} MB, {model.scheme}"
        state = model.problem or (f"{size}, {'loaded' if model.loaded else 'on disk'}")
        # What --model takes: the wire's name without the kind of thing that it names.
        print(f"{mark} {model.name.removeprefix('models/'):<16} {state}")
        if model.warning:
            print(f"  {'':<16} {model.warning}")
    return 0
