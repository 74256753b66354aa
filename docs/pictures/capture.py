"""Makes docs/pictures/generate.svg: runs ``aios generate`` in a real terminal and draws what it showed, frame by frame.

    uv run --group docs python docs/pictures/capture.py "The old man looked at the sea and"

Not a drawing of what it should look like: every frame is the screen of a pseudo-terminal at that moment.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from html import escape
from pathlib import Path

import pyte

COLUMNS, ROWS = 88, 13
CELL_W, CELL_H = 8.4, 18
HOLD_S = 5.0
SLOWER = 6
"""The picture plays this many times slower than it happened, so that an eye can follow."""
OUT = Path(__file__).with_name("generate.svg")


def record(words: list[str]) -> list[tuple[float, bytes]]:
    """Run a command on a pseudo-terminal and return what it wrote, with the seconds since its start."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp(words[0], words)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    start, chunks = time.monotonic(), list[tuple[float, bytes]]()
    while select.select([terminal], [], [], 60)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux says EIO when the other end is closed
            break
        if not data:
            break
        # The terminal model that we draw with knows no faint text: grey stands for it.
        chunks.append((time.monotonic() - start, data.replace(b"\x1b[2m", b"\x1b[38;5;245m")))
    os.waitpid(child, 0)
    return chunks


def screens(chunks: list[tuple[float, bytes]]) -> list[tuple[float, list[str]]]:
    """The screen after each chunk as SVG rows, equal neighbours joined."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    frames: list[tuple[float, list[str]]] = []
    for at, data in chunks:
        stream.feed(data)
        rows = [_row(screen.buffer[line]) for line in range(ROWS)]
        if not frames or frames[-1][1] != rows:
            frames.append((at, rows))
    return frames


def _row(cells: dict[int, pyte.screens.Char]) -> str:
    runs: list[tuple[str, str, bool]] = []
    for column in range(COLUMNS):
        cell = cells[column]
        colour = "e6edf3" if cell.fg == "default" else cell.fg
        if runs and runs[-1][1:] == (colour, cell.underscore):
            runs[-1] = (runs[-1][0] + cell.data, colour, cell.underscore)
        else:
            runs.append((cell.data, colour, cell.underscore))
    while runs and not runs[-1][0].strip():
        runs.pop()
    under = ' text-decoration="underline"'
    return "".join(
        f'<tspan fill="#{colour}"{under if line else ""}>{escape(text)}</tspan>' for text, colour, line in runs
    )


def svg(frames: list[tuple[float, list[str]]]) -> str:
    """The frames as one picture that plays for ever and holds its last frame."""
    frames = [((at - frames[0][0]) * SLOWER, rows) for at, rows in frames]
    total = frames[-1][0] + HOLD_S
    width, height = COLUMNS * CELL_W + 24, ROWS * CELL_H + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'font-family="ui-monospace, SFMono-Regular, Menlo, monospace" font-size="14">',
        '<rect width="100%" height="100%" rx="8" fill="#0d1117"/><g xml:space="preserve">',
    ]
    for number, (at, rows) in enumerate(frames):
        last = number + 1 == len(frames)
        end = total if last else frames[number + 1][0]
        begin, stop = 100 * at / total, 100 * end / total
        if number == 0:
            begin = 0.0
        keys = f"0%,{max(begin - 0.001, 0):.3f}%{{opacity:0}}{begin:.3f}%,{stop - 0.001:.3f}%{{opacity:1}}"
        keys += "" if last else f"{stop:.3f}%,100%{{opacity:0}}"
        keys = keys.replace("0%,0.000%{opacity:0}0.000%", "0%") if begin == 0 else keys
        opacity = 1 if last else 0
        parts.append(f"<style>@keyframes f{number}{{{keys}}}</style>")
        parts.append(f'<g opacity="{opacity}" style="animation:f{number} {total:.2f}s infinite step-end">')
        parts += [
            f'<text x="12" y="{12 + (line + 0.8) * CELL_H:.1f}">{row}</text>' for line, row in enumerate(rows) if row
        ]
        parts.append("</g>")
    return "\n".join([*parts, "</g></svg>", ""])


def thinned(frames: list[tuple[float, list[str]]], most: int) -> list[tuple[float, list[str]]]:
    """At most ``most`` frames, the first and the last among them."""
    if len(frames) <= most:
        return frames
    step = (len(frames) - 1) / (most - 1)
    return [frames[round(i * step)] for i in range(most)]


if __name__ == "__main__":
    prompt = sys.argv[1] if len(sys.argv) > 1 else "The old man looked at the sea and"
    aios = Path(sys.executable).with_name("aios")
    command = [str(aios), "generate", prompt, *sys.argv[2:]]
    OUT.write_text(svg(thinned(screens(record(command)), 40)))
    print(OUT, OUT.stat().st_size, "bytes")
