"""``aios config show``: the settings in force, and where each value comes from."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict

from brain.base.settings import CHECKS, load
from brain.cli.connection import here


def run(words: argparse.Namespace) -> int:
    """Print name, value and, with ``--origin``, where it comes from; as a file that could be the settings file."""
    file = here().settings
    loaded = load(file, os.environ)
    values = asdict(loaded.settings)
    if words.json:
        print(json.dumps({name: {"value": value, "origin": loaded.origin[name]} for name, value in values.items()}))
        return 0
    print(f"# {file}\nversion = 1")
    for name, value in values.items():
        notes = f"  # {loaded.origin[name]}" if words.origin else f"  # {CHECKS[name].meaning}"
        print(f"{name} = {json.dumps(value)}{notes}")
    return 0
