"""The decoders beside their torch twins (float32): milliseconds for pictures and sound, and what INT8 activations cost.

Alone: ``python tests/bench/latent.py [--quick] [--json] [--threads N]``. Both compute the same weights from the shipped
files, in turn, with as many threads, and their results are compared before anything is timed. Decibels are those of a
picture's bytes against the f32 decode, on latents of art-like pictures (drawn here, encoded by the f32 encoder).
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from figures import arguments, line, show

import brain
from brain.latent import png
from brain.latent.picture import straight
from brain.latent.spec import PictureSpec, vocoder_tensors
from brain.native.forward import PictureDecoder, PictureEncoder, Vocoder, log_mel
from brain.native.weights import Weights

BASE = Path(brain.__file__).parent / "pretrained" / "base"
JSON = (BASE / "score.json").read_text(encoding="utf-8")
SECONDS = 3
DECODE_BAR_MS, WAVE_BAR_MS = 100, 50


def drawings(count):
    """Premultiplied pictures [count, 512, 512, 4] of some discs and bars on nothing, from a fixed seed."""
    chance = np.random.default_rng(0)
    y, x = np.mgrid[:512, :512]
    found = np.zeros((count, 512, 512, 4), np.uint8)
    for picture in found:
        for _ in range(6):
            cx, cy, size = (*chance.integers(60, 452, 2), chance.integers(20, 160))
            disc = (x - cx) ** 2 + (y - cy) ** 2 < size**2
            bar = (abs(x - cx) < size) & (abs(y - cy) < size // 4)
            picture[disc if chance.random() < 0.5 else bar] = [*chance.integers(0, 256, 3), 255]
    return found


def speech():
    """Three seconds of a gliding voice-like tone [48000]."""
    t = np.arange(SECONDS * 16_000) / 16_000
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * t)) / 16_000
    return sum(np.sin(k * phase) / k for k in range(1, 12)).astype(np.float32) * np.float32(0.2)


class Twins:
    """Both sides, opened."""

    def __init__(self, threads):
        import torch

        from brain.latent.torch.autoencoder import Autoencoder
        from brain.latent.torch.tensors import tensors_of
        from brain.latent.torch.vocoder import TorchVocoder

        torch.set_num_threads(threads)
        self.torch, spec = torch, PictureSpec.from_json(JSON)
        weights, encoder = Weights.open(BASE / "weights.arrow"), Weights.open(BASE / "encoder.arrow")
        tensors = tensors_of(weights, spec.decoder_tensors()) | tensors_of(encoder, spec.encoder_tensors())
        self.autoencoder = Autoencoder(spec, tensors)
        self.torch_vocoder = TorchVocoder(tensors_of(weights, vocoder_tensors(256, 640, 5)))
        self.decoder = PictureDecoder.open(BASE / "weights.arrow", JSON, threads)
        self.encoder = PictureEncoder.open(BASE / "encoder.arrow", JSON, threads)
        self.vocoder = Vocoder.open(BASE / "weights.arrow", threads)

    def torch_decode(self, latents):
        o = self.autoencoder.decode(self.torch.from_numpy(latents)).clamp_(0, 1)
        o[..., :3] = self.torch.minimum(o[..., :3], o[..., 3:])
        return (o * 255).round_().to(self.torch.uint8).numpy()

    def torch_encode(self, pictures):
        return self.autoencoder.encode(self.torch.from_numpy(pictures).float() / 255).numpy()

    def torch_wave(self, mels):
        return self.torch_vocoder.wave(self.torch.from_numpy(mels)).numpy()


def turns(ways, rounds):
    """(milliseconds, milliseconds of processor time) of each way, medians of ``rounds``, all ways in turn.

    Processor time counts all threads together; other work on the machine changes it least.
    """
    wall, spent = {name: [] for name in ways}, {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begin, before = time.perf_counter(), time.process_time()
            way()
            if number:
                wall[name].append(1e3 * (time.perf_counter() - begin))
                spent[name].append(1e3 * (time.process_time() - before))
    return {name: (statistics.median(wall[name]), statistics.median(spent[name])) for name in ways}


def decibels(a, b):
    """Peak signal over the mean squared difference of bytes."""
    return float(-10 * np.log10(np.mean(((a.astype(float) - b) / 255) ** 2)))


def check(twins, latents, pictures, mels):
    """Both sides give the same results, but for rounding."""
    assert np.abs(twins.decoder.decode(latents).astype(int) - twins.torch_decode(latents)).max() <= 1
    assert np.abs(twins.encoder.encode(pictures) - twins.torch_encode(pictures)).max() < 1e-3
    assert np.abs(twins.vocoder.wave(mels) - twins.torch_wave(mels)).max() < 1e-3


def beside(what, bar, ours, rival):
    """Lines of one task: against its bar, beside the rival, and both again by processor time."""
    if bar is not None:
        yield line(f"{what}, against the bar", ours[0], None, "", "ms", bar)
    yield line(what, ours[0], rival[0], "torch f32", "ms", None)
    yield line(f"{what}, processor time", ours[1], rival[1], "torch f32", "ms", None)


def figures(twins, rounds):
    pictures, mels = drawings(4), log_mel(speech())
    latents = twins.encoder.encode(pictures)
    one, picture = latents[:1], pictures[:1]
    check(twins, latents, pictures, mels)
    tasks = {
        ("decode a picture", DECODE_BAR_MS): (
            lambda p: twins.decoder.decode(one, precision=p),
            lambda: twins.torch_decode(one),
        ),
        ("decode four pictures", None): (
            lambda p: twins.decoder.decode(latents, precision=p),
            lambda: twins.torch_decode(latents),
        ),
        ("encode a picture", None): (
            lambda p: twins.encoder.encode(picture, precision=p),
            lambda: twins.torch_encode(picture),
        ),
    }
    for (what, bar), (ours, rival) in tasks.items():
        ways = {"f32": lambda ours=ours: ours("f32"), "int8": lambda ours=ours: ours("int8"), "torch": rival}
        found = turns(ways, rounds)
        yield from beside(what, bar, found["f32"], found["torch"])
        yield from beside(f"{what}, INT8 activations", None, found["int8"], found["torch"])
    found = turns({"ours": lambda: twins.vocoder.wave(mels), "torch": lambda: twins.torch_wave(mels)}, rounds)
    yield from beside("3 s of sound", WAVE_BAR_MS, found["ours"], found["torch"])
    sound, pixels = speech(), straight(twins.decoder.decode(one)[0])
    file = png.write(pixels)
    ways = {"mel": lambda: log_mel(sound), "write": lambda: png.write(pixels), "read": lambda: png.read(file)}
    found = turns(ways, rounds)
    yield line("log-mel of 3 s, processor time", found["mel"][1], None, "", "ms", None)
    yield line("write a PNG of 512 x 512, processor time", found["write"][1], None, "", "ms", None)
    yield line("read it, processor time", found["read"][1], None, "", "ms", None)
    exact = twins.decoder.decode(latents)
    yield line("f32 decode beside torch's", decibels(exact, twins.torch_decode(latents)), None, "", "dB", None)
    int8 = decibels(exact, twins.decoder.decode(latents, precision="int8"))
    yield line("INT8 activations beside f32", int8, None, "", "dB", None)
    yield line("picture, encoded and decoded", decibels(pictures, exact), None, "", "dB", None)


MEMORY = """
from pathlib import Path
import numpy as np
from brain.native.forward import PictureDecoder, Vocoder
base = Path({base!r})
def held():
    return int(next(s for s in open("/proc/self/status") if s.startswith("VmRSS")).split()[1]) / 1024
before = held()
decoder = PictureDecoder.open(base / "weights.arrow", (base / "score.json").read_text(), 2)
vocoder = Vocoder.open(base / "weights.arrow", 2)
opened = held()
decoder.decode(np.zeros((1, 256, 32), np.float32))
print(opened - before, held() - before)
"""


def memory():
    """What opening both decoders adds to a process, and what a first picture adds, in MiB."""
    if not Path("/proc/self/status").exists():
        print("no /proc: memory is left out", file=sys.stderr)
        return
    command = [sys.executable, "-c", MEMORY.format(base=str(BASE))]
    opened, used = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    yield line("memory that opening both decoders adds", opened, None, "", "MiB", None)
    yield line("memory after a first picture", used, None, "", "MiB", None)


if __name__ == "__main__":
    words = arguments(__doc__, ("--threads", {"type": int, "default": 2}))
    sides = Twins(words.threads)
    show(figures(sides, 3 if words.quick else 21), words.json)
    show(memory(), words.json)
