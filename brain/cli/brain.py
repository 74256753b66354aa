"""``aios brain``: which version of the rooms that think serves, taking the one on disk, going back. It loads none."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from brain.base.errors import InvalidInput
from brain.base.reports import BrainReport
from brain.cli.connection import connected, here


def run(words: argparse.Namespace) -> int:
    """List, reload or roll back, as the words say."""
    if words.version and words.action != "rollback":
        raise InvalidInput(f"{words.action} takes no version", hint="aios brain rollback VERSION")
    if words.force and words.action != "reload":
        raise InvalidInput(f"{words.action} takes no --force", hint="aios brain reload --force")
    return {"list": _list, "reload": _reload, "rollback": _rollback}[words.action](words)


def _list(words: argparse.Namespace) -> int:
    with connected() as client:
        found = client.brains()
    for one in found:
        print(json.dumps(asdict(one)) if words.json else "\n".join(lines(one)))
    if not words.json:
        print(f"your own files go into {here().brain}")
    return 0


def _reload(words: argparse.Namespace) -> int:
    with connected() as client:
        version = client.reload_brain(force=words.force)
    print(json.dumps({"version": version}) if words.json else f"{version} serves")
    return 0


def _rollback(words: argparse.Namespace) -> int:
    with connected() as client:
        left, version = client.rollback_brain(words.version)
    told = f"{version} serves; {left} is not taken again by itself"
    print(json.dumps({"left": left, "version": version}) if words.json else told)
    return 0


def lines(one: BrainReport) -> list[str]:
    """A version in words: a line, and one more for its files and for the reason."""
    told = f"{one.version or '-':<13} {one.state:<12}"
    if one.state in {"serving", "watched", "kept"}:
        told += f" {one.calls} calls, {one.failed} failed"
        told += f", uncertainty {one.uncertainty:.2f}" if one.uncertainty >= 0 else ""
        told += f", watched for {one.watched_calls} more" if one.watched_calls else ""
        told += "" if one.own else ", as shipped"
    return [told.rstrip(), *(f"{'':<13} {name}" for name in one.own), *([f"{'':<13} {one.why}"] if one.why else [])]
