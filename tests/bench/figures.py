"""How benchmarks take turns and print: one figure a line, ours beside the rival. It measures nothing itself."""

import argparse
import json
import statistics
import time


def line(what, ours, rival, rival_name, unit, bar, better="smaller"):
    """One figure as a dictionary; ``ratio`` is ours by the rival's.

    ``bar`` is the worst ratio that is good enough: the largest where ``better`` is "smaller" (times, bytes), the least
    where it is "larger" (rates, recall). ``bar`` None: no promise, ``met`` is None. ``rival`` None: nothing to compare
    with, ``bar`` is then held against ours itself.
    """
    held = ours / rival if rival else ours
    met = None if bar is None else (held <= bar if better == "smaller" else held >= bar)
    return judged(what, ours, rival, rival_name, unit, bar, met)


def judged(what, ours, rival, rival_name, unit, bar, met):
    """One figure whose bar is in words and held against by the caller; ``met`` None: no promise."""
    ratio = ours / rival if rival else None
    return {
        "what": what,
        "ours": ours,
        "rival": rival,
        "rival_name": rival_name,
        "unit": unit,
        "ratio": ratio,
        "bar": bar,
        "met": met,
    }


def interleaved(ways, rounds, warm=1):
    """Seconds of each way, the median of ``rounds``; ``ways`` maps a name to a call without arguments.

    All run in turn within each round, so that a neighbour's load falls on all alike; ``warm`` rounds are not counted.
    """
    spent = {name: [] for name in ways}
    for number in range(rounds + warm):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            if number >= warm:
                spent[name].append(time.perf_counter() - begin)
    return {name: statistics.median(found) for name, found in spent.items()}


def arguments(description, *more):
    """The command line's words: ``--quick`` (under a minute), ``--json`` and the caller's ``more`` (name, options)."""
    parser = argparse.ArgumentParser(description=description.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds: less than a minute")
    parser.add_argument("--json", action="store_true", help="one object a line")
    for name, options in more:
        parser.add_argument(name, **options)
    return parser.parse_args()


def show(lines, as_json):
    """Print figures as they come: a row each, or an object each."""
    for one in lines:
        if as_json:
            print(json.dumps(one), flush=True)
            continue
        rival = "" if one["rival"] is None else f"{one['rival']:>12.4g}"
        ratio = "" if one["ratio"] is None else f"{one['ratio']:>8.3g}"
        missed = "  (bar missed)" if one["met"] is False else ""
        figures = f"{one['ours']:>12.4g}{rival:>12} {one['unit']:10}{ratio:>8}"
        print(f"{one['what']:52}{figures}  {one['rival_name']}{missed}", flush=True)
