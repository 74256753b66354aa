"""PNG in and out, RGBA of 8 bits, over zlib alone. No interlacing, no other depths, no colour profiles.

Source: Portable Network Graphics, third edition (W3C 2025), also ISO/IEC 15948.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from brain.base.errors import CorruptData, InvalidInput, ResourceExhausted, Unsupported

Pixels = NDArray[np.uint8]

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS: Final = 1 << 24
"""The largest picture that is read."""
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS: Final = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
UP: Final = 2


def write(pixels: Pixels) -> bytes:
    """A PNG file of straight (not premultiplied) RGBA ``pixels`` [height, width, 4].

    Cost: about 20 ms for 512 x 512. Raises: InvalidInput for another dtype or shape, or more than 2^24 pixels.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4 or 0 in pixels.shape:
        raise InvalidInput(f"pixels are {pixels.dtype} {pixels.shape}, not uint8 [height, width, 4]", field="pixels")
    height, width, _ = pixels.shape
    if height * width > MOST_PIXELS:
        raise InvalidInput(f"{width} x {height} pixels are more than {MOST_PIXELS}", field="pixels")
    rows = pixels.reshape(height, width * 4)
    filtered = np.empty((height, 1 + width * 4), np.uint8)
    filtered[:, 0] = UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, RGBA, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 6)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def read(file: bytes) -> Pixels:
    """Straight RGBA [height, width, 4] of a PNG file: grey, RGB, palette or RGBA of 8 bits, every filter.

    What follows the end chunk is not looked at. Memory: at most some 20 bytes a pixel, whatever the file claims.
    Raises: CorruptData (signature, lengths, checksums, pixels too few or too many), Unsupported (interlaced, other
    depths), ResourceExhausted (more than 2^24 pixels).
    """
    if not file.startswith(SIGNATURE):
        raise CorruptData("the file is no PNG: it does not begin with PNG's signature")
    width, height, colour, palette, transparent, packed = _parts(file)
    channels = CHANNELS[colour]
    length = height * (1 + width * channels)
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, length + 1)
    except zlib.error as error:
        raise CorruptData(f"the PNG's pixels do not inflate: {error}") from error
    if len(raw) != length or not inflater.eof:
        raise CorruptData(f"the PNG's pixels inflate to {'more' if len(raw) > length else 'less'} than {length} bytes")
    rows = np.frombuffer(raw, np.uint8).reshape(height, 1 + width * channels)
    filters = rows[:, 0]
    if filters.max() > 4:
        raise CorruptData(f"the PNG names a filter {filters.max()}; there are 0 to 4")
    samples = _unfiltered(filters, rows[:, 1:].reshape(height, width, channels))
    return _as_rgba(samples, colour, palette, transparent)


def _chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kinds and data of all chunks up to the end chunk, checked."""
    at = len(SIGNATURE)
    while at + 12 <= len(file):
        (length,) = struct.unpack_from(">I", file, at)
        if length > len(file) - at - 12:
            raise CorruptData(f"the PNG ends inside of the chunk at byte {at}")
        kind, data = file[at + 4 : at + 8], file[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", file, at + 8 + length)
        if checksum != zlib.crc32(kind + data):
            raise CorruptData(f"the PNG's chunk {kind!r} at byte {at} does not have its checksum")
        yield kind, data
        if kind == b"IEND":
            return
        at += 12 + length
    raise CorruptData("the PNG has no end chunk")


def _parts(file: bytes) -> tuple[int, int, int, bytes, bytes, bytes]:
    """Width, height, colour type, palette, transparency and packed pixels."""
    chunks = _chunks(file)
    kind, header = next(chunks)
    if kind != b"IHDR" or len(header) != 13:
        raise CorruptData("the PNG does not begin with a header")
    width, height, depth, colour, packing, filtering, interlaced = struct.unpack(">IIBBBBB", header)
    if width == 0 or height == 0 or packing or filtering or interlaced > 1 or colour not in CHANNELS:
        raise CorruptData(f"the PNG's header says {width} x {height} pixels of colour type {colour}")
    if depth != 8 or interlaced:
        what = "an interlaced PNG" if interlaced else f"a PNG of {depth} bits a sample"
        raise Unsupported(what, hint="save it with 8 bits a sample, not interlaced")
    if width * height > MOST_PIXELS:
        raise ResourceExhausted(f"the PNG has {width} x {height} pixels, more than {MOST_PIXELS}")
    found = {b"PLTE": b"", b"tRNS": b""}
    packed = []
    for kind, data in chunks:
        if kind == b"IDAT":
            packed.append(data)
        elif kind in found:
            found[kind] = data
        elif kind != b"IEND" and not kind[0] & 32:
            raise Unsupported(f"a PNG with the chunk {kind!r}", hint="save it again as a plain PNG")
    return width, height, colour, found[b"PLTE"], found[b"tRNS"], b"".join(packed)


def _unfiltered(filters: Pixels, rows: Pixels) -> Pixels:
    """Samples [height, width, channels] of filtered ones, a diagonal at once: its neighbours are known by then."""
    height, width, channels = rows.shape
    if not filters.any():
        return rows
    found = np.zeros((height + 1, width + 1, channels), np.int16)
    for diagonal in range(height + width - 1):
        row = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        column = diagonal - row
        left, up, both = found[row + 1, column], found[row, column + 1], found[row, column]
        nearest = np.abs(up - both), np.abs(left - both), np.abs(left + up - 2 * both)
        paeth = np.where(nearest[1] <= nearest[2], up, both)
        paeth = np.where((nearest[0] <= nearest[1]) & (nearest[0] <= nearest[2]), left, paeth)
        guess = np.choose(filters[row][:, None], (np.zeros_like(left), left, up, (left + up) >> 1, paeth))
        found[row + 1, column + 1] = (rows[row, column] + guess) & 255
    return found[1:, 1:].astype(np.uint8)


def _as_rgba(samples: Pixels, colour: int, palette: bytes, transparent: bytes) -> Pixels:
    """Samples of any colour type as RGBA; ``transparent`` names one colour, or gives palette entries their alpha."""
    height, width, _ = samples.shape
    out = np.full((height, width, 4), 255, np.uint8)
    if colour == PALETTE:
        if not palette or len(palette) % 3 or len(palette) > 768 or len(transparent) > len(palette) // 3:
            raise CorruptData(f"the PNG's palette has {len(palette)} bytes, its transparency {len(transparent)}")
        table = np.full((len(palette) // 3, 4), 255, np.uint8)
        table[:, :3] = np.frombuffer(palette, np.uint8).reshape(-1, 3)
        table[: len(transparent), 3] = np.frombuffer(transparent, np.uint8)
        if samples.max() >= len(table):
            raise CorruptData(f"the PNG names colour {samples.max()} of a palette of {len(table)}")
        return table[samples[:, :, 0]]
    colours = 3 if colour in {RGB, RGBA} else 1
    out[:, :, :3] = samples[:, :, :colours]
    if colour in {GREY_ALPHA, RGBA}:
        out[:, :, 3] = samples[:, :, colours]
    elif transparent:
        if len(transparent) != 2 * colours:
            raise CorruptData(f"the PNG's transparent colour has {len(transparent)} bytes")
        hidden = np.frombuffer(transparent, ">u2")
        out[(samples == hidden).all(axis=2), 3] = 0
    return out
