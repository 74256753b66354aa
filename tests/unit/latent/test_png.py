"""Promises of PNG: what is written is read back, every filter and colour type is known, hostile files are refused."""

import struct
import zlib

import numpy as np
import pytest

from brain.base.errors import CorruptData, InvalidInput, ResourceExhausted, Unsupported
from brain.latent import png


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def built(width, height, colour, raw, *, depth=8, interlaced=0, before=b"", packed=None):
    """A PNG of filtered rows, put together by hand."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    data = zlib.compress(raw) if packed is None else packed
    return png.SIGNATURE + chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def filtered(pixels, filters):
    """Rows as the standard's section 9 filters them, byte by byte."""
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, -1).astype(int)
    out = bytearray()
    for y, kind in enumerate(filters):
        out.append(kind)
        for i in range(width * channels):
            a = rows[y, i - channels] if i >= channels else 0
            b = rows[y - 1, i] if y else 0
            c = rows[y - 1, i - channels] if y and i >= channels else 0
            p = a + b - c
            order = sorted([(abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c)])
            guess = (0, a, b, (a + b) // 2, order[0][2])[kind]
            out.append((rows[y, i] - guess) % 256)
    return bytes(out)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 7, 4), (9, 1, 4), (33, 20, 4)])
def test_what_is_written_is_read_back(shape):
    pixels = noise(*shape)
    assert (png.read(png.write(pixels)) == pixels).all()


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_every_filter_is_undone_in_every_colour_type(kind, colour, channels):
    samples = noise(6, 5, channels, seed=kind)
    for filters in ([kind] * 6, [(kind + y) % 5 for y in range(6)]):
        found = png.read(built(5, 6, colour, filtered(samples, filters)))
        colours = 3 if channels > 2 else 1
        assert (found[:, :, :3] == samples[:, :, :colours]).all()
        assert (found[:, :, 3] == (samples[:, :, -1] if channels in {2, 4} else 255)).all()


def test_a_palette_gives_colours_and_their_alpha():
    palette, alpha = bytes([1, 2, 3, 40, 50, 60, 7, 8, 9]), bytes([128, 0])
    before = chunk(b"PLTE", palette) + chunk(b"tRNS", alpha)
    found = png.read(built(3, 1, 3, bytes([0, 2, 0, 1]), before=before))
    assert found.tolist() == [[[7, 8, 9, 255], [1, 2, 3, 128], [40, 50, 60, 0]]]


def test_the_transparent_colour_is_transparent():
    grey = png.read(built(2, 1, 0, bytes([0, 9, 10]), before=chunk(b"tRNS", b"\0\x0a")))
    assert grey.tolist() == [[[9, 9, 9, 255], [10, 10, 10, 0]]]
    rgb = png.read(built(2, 1, 2, bytes([0, 1, 2, 3, 1, 2, 4]), before=chunk(b"tRNS", b"\0\x01\0\x02\0\x04")))
    assert rgb[0, :, 3].tolist() == [255, 0]


def test_pixels_in_several_chunks_are_one_picture_and_notes_are_passed_over():
    pixels = noise(8, 8, 4)
    header, data = struct.pack(">IIBBBBB", 8, 8, 8, 6, 0, 0, 0), zlib.compress(filtered(pixels, [4] * 8))
    parts = chunk(b"tEXt", b"a note") + chunk(b"IDAT", data[:50]) + chunk(b"IDAT", data[50:])
    file = png.SIGNATURE + chunk(b"IHDR", header) + parts + chunk(b"IEND", b"") + b"what follows"
    assert (png.read(file) == pixels).all()


def test_a_cut_file_is_refused_wherever_it_is_cut():
    file = png.write(noise(5, 5, 4))
    for end in range(len(file)):
        with pytest.raises(CorruptData):
            png.read(file[:end])


def test_a_changed_byte_is_refused_wherever_it_is():
    file = png.write(noise(5, 5, 4))
    for at in range(len(file)):
        broken = bytearray(file)
        broken[at] ^= 1
        with pytest.raises((CorruptData, Unsupported)):
            png.read(bytes(broken))


def test_a_bomb_is_refused_before_it_goes_off():
    packed = zlib.compress(bytes(200_000_000), 9)
    with pytest.raises(CorruptData, match="more than"):
        png.read(built(4, 4, 6, b"", packed=packed))
    with pytest.raises(ResourceExhausted):
        png.read(built(100_000, 100_000, 6, b"", packed=packed))


@pytest.mark.parametrize(
    "file",
    [
        built(0, 4, 6, b""),
        built(4, 4, 5, b""),
        built(2, 1, 0, b"\0\0"),
        built(2, 1, 0, bytes([5, 0, 0])),
        built(1, 1, 3, b"\0\0"),
        built(1, 1, 3, b"\0\1", before=chunk(b"PLTE", b"abc")),
        built(1, 1, 3, b"\0\0", before=chunk(b"PLTE", b"abcd")),
        built(1, 1, 0, b"\0\0", before=chunk(b"tRNS", b"abcd")),
        built(1, 1, 0, b"", packed=b"no zlib"),
        png.SIGNATURE + chunk(b"IEND", b""),
        b"GIF89a",
        b"",
    ],
)
def test_a_file_that_contradicts_itself_is_refused(file):
    with pytest.raises(CorruptData):
        png.read(file)


@pytest.mark.parametrize(
    "file",
    [
        built(1, 1, 0, b"\0\0", depth=16),
        built(8, 1, 0, b"\0\0", depth=1),
        built(1, 1, 0, b"\0\0", interlaced=1),
        built(1, 1, 0, b"\0\0", before=chunk(b"ABCD", b"")),
    ],
)
def test_what_is_not_read_says_what_would_be(file):
    with pytest.raises(Unsupported) as refused:
        png.read(file)
    assert "save it" in refused.value.hint


@pytest.mark.parametrize("pixels", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 4)), np.zeros((0, 4, 4), np.uint8)])
def test_other_arrays_are_not_written(pixels):
    with pytest.raises(InvalidInput):
        png.write(pixels)
    with pytest.raises(InvalidInput):
        png.write(np.lib.stride_tricks.as_strided(np.zeros(4, np.uint8), (1 << 13, 1 << 13, 4), (0, 0, 1)))
