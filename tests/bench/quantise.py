"""ArrowQuant beside NumPy, mlx, torch.compile and ggml: millions of weights a second, and the error that each leaves.

One matrix of normal weights, f32 in, packed codes and scales out. One thread: processor time, for a wall clock on a
busy machine favours whoever is done within its slice; two threads: wall time. Ours by the root mean square (INT2, four
levels) and by the range (INT4, INT8), the rivals by their own rules. Our error is checked against NumPy's by the same
rule before timing.
"""

import ctypes
import importlib.util
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from figures import arguments, interleaved, line, show

from brain.native.quant import dequantise, quantise, relative_error

GROUP = 64


def processor_seconds(ways, rounds):
    """Processor time of each way, all threads together, the median of ``rounds``: a neighbour's load does not count."""
    spent = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begin = time.process_time()
            way()
            if number:
                spent[name].append(time.process_time() - begin)
    return {name: statistics.median(found) for name, found in spent.items()}


def numpy_int2(w):
    """The same rule as ours in NumPy: codes four a byte and f16 scales."""
    groups = w.reshape(-1, GROUP)
    scale = (np.sqrt(np.mean(groups * groups, axis=1, keepdims=True)) * 0.9957).astype(np.float16)
    codes = np.clip(groups / scale.astype(np.float32) + 2.0, 0, 3).astype(np.uint8).reshape(-1, 4)
    return codes[:, 0] | codes[:, 1] << 2 | codes[:, 2] << 4 | codes[:, 3] << 6, scale


def numpy_error(w):
    packed, scale = numpy_int2(w)
    codes = (packed[:, None] >> np.array([0, 2, 4, 6], np.uint8) & 3).reshape(-1, GROUP)
    return relative_error(w, ((codes - np.float32(1.5)) * scale.astype(np.float32)).reshape(w.shape))


def with_mlx(w, bits):
    """``mx.quantize`` on the CPU and its error."""
    import mlx.core as mx

    mx.set_default_device(mx.cpu)
    held = mx.array(w)
    mx.eval(held)
    freed = mx.dequantize(*mx.quantize(held, group_size=GROUP, bits=bits), group_size=GROUP, bits=bits)
    return lambda: mx.eval(mx.quantize(held, group_size=GROUP, bits=bits)), relative_error(w, np.array(freed))


def with_torch(w):
    """Min-max INT2 with codes four a byte, compiled."""
    import torch

    @torch.compile(dynamic=False)
    def int2(held):
        groups = held.view(-1, GROUP)
        low, high = groups.amin(1, keepdim=True), groups.amax(1, keepdim=True)
        scale = (high - low) / 3.0
        codes = ((groups - low) / scale).round().clamp(0, 3).to(torch.uint8).view(-1, GROUP // 4, 4)
        packed = codes[:, :, 0] | codes[:, :, 1] << 2 | codes[:, :, 2] << 4 | codes[:, :, 3] << 6
        return packed, scale.half(), low.half()

    held = torch.from_numpy(w)
    packed, scale, low = int2(held)
    codes = torch.stack([packed >> shift & 3 for shift in (0, 2, 4, 6)], -1).view(-1, GROUP)
    freed = (codes * scale.float() + low.float()).view(held.shape).numpy()
    return lambda threads: (torch.set_num_threads(threads), int2(held)), relative_error(w, freed)


def with_ggml(w):
    """TQ2_0 of the library inside llama-cpp-python (three levels), one thread."""
    found = importlib.util.find_spec("llama_cpp")
    root = Path(found.origin).parent
    base = ctypes.CDLL(str(next(root.rglob("libggml-base*"))))
    quantize = base.ggml_quantize_chunk
    quantize.restype = ctypes.c_size_t
    quantize.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p]
    out = np.zeros(w.size // 256 * 66, np.uint8)
    tq2_0 = 35
    return lambda: quantize(tq2_0, w.ctypes.data, out.ctypes.data, 0, *w.shape, None)


def rivals(w, quick):
    """Name to call and to error of each rival that is installed."""
    ways, errors = {"numpy": lambda: numpy_int2(w)}, {"numpy": numpy_error(w)}
    if importlib.util.find_spec("mlx"):
        for bits in (2, 4, 8):
            ways[f"mlx int{bits}"], errors[f"mlx int{bits}"] = with_mlx(w, bits)
    else:
        print("mlx is not installed: left out", file=sys.stderr)
    if importlib.util.find_spec("torch"):
        run, error = with_torch(w)
        for threads in (1, 2):
            ways[f"torch.compile, {threads}"] = lambda threads=threads: run(threads)
            errors[f"torch.compile, {threads}"] = error
    else:
        print("torch is not installed: left out", file=sys.stderr)
    if importlib.util.find_spec("llama_cpp"):
        ways["ggml TQ2_0"] = with_ggml(w)
    else:
        print("llama-cpp-python (for ggml) is not installed: left out", file=sys.stderr)
    return ways, errors


def main():
    asked = arguments(__doc__)
    rows, columns = (2048, 2048) if asked.quick else (4096, 4096)
    w = np.random.default_rng(0).standard_normal((rows, columns), np.float32) * np.float32(0.02)
    ours = {}
    for scheme, rule in (
        ("int2.g64.r16", "deviation"),
        ("int2.g64.r16", "mean_abs"),
        ("int4.g64", "range"),
        ("int8.row", "range"),
    ):
        for threads in (1, 2):
            key = f"{scheme} {rule}, {threads}"
            ours[key] = lambda s=scheme, r=rule, t=threads: quantise(w, s, r, t)
    ours["int2.g64.r16 least_squares, 1"] = lambda: quantise(w[:256], "int2.g64.r16", "least_squares")

    def error(scheme, rule):
        return relative_error(w, dequantise(*quantise(w, scheme, rule), rows, columns, scheme))

    mine = error("int2.g64.r16", "deviation")
    ways, errors = rivals(w, asked.quick)
    if abs(mine - errors["numpy"]) > 1e-3:
        raise SystemExit(f"NumPy's error {errors['numpy']} and ours {mine} are not of one rule")
    rounds = 5 if asked.quick else 9
    every = {**ours, **ways}
    pooled = interleaved({name: way for name, way in every.items() if name.endswith(", 2")}, rounds)
    spent = processor_seconds({name: way for name, way in every.items() if name not in pooled}, rounds) | pooled
    rate = {name: w.size / seconds / 1e6 for name, seconds in spent.items()}
    rate["int2.g64.r16 least_squares, 1"] /= rows / 256
    beside = [
        ("int2.g64.r16 deviation, 1", "numpy", 10),
        ("int2.g64.r16 deviation, 1", "mlx int2", 5),
        ("int2.g64.r16 deviation, 1", "torch.compile, 1", 3),
        ("int2.g64.r16 deviation, 2", "torch.compile, 2", 3),
        ("int2.g64.r16 deviation, 1", "ggml TQ2_0", None),
        ("int2.g64.r16 mean_abs, 1", "mlx int2", 5),
        ("int4.g64 range, 1", "mlx int4", 5),
        ("int8.row range, 1", "mlx int8", 5),
        ("int2.g64.r16 least_squares, 1", "torch.compile, 1", None),
    ]
    figures = [
        line(f"{name} thread(s)", rate[name], rate[rival], rival, "M/s", bar, "larger")
        for name, rival, bar in beside
        if rival in rate
    ]
    for rival in errors:
        bits = int(rival[7]) if rival.startswith("mlx") else 2
        scheme, rule = {2: ("int2.g64.r16", "deviation"), 4: ("int4.g64", "range"), 8: ("int8.row", "range")}[bits]
        bar = 1 if bits == 2 and rival != "numpy" else None
        figures.append(line(f"relative error, {scheme} {rule}", error(scheme, rule), errors[rival], rival, "", bar))
    show(figures, asked.json)


if __name__ == "__main__":
    main()
