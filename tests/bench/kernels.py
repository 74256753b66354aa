"""The shipped trunk's INT2 products beside torch's dynamic INT8, ggml's low-bit types and ONNX Runtime's two bits.

Alone: ``python tests/bench/kernels.py [--quick] [--json] [--threads N]``. Each side computes the forty products of the
shipped trunk (ten layers; query, key and value in one, gate and up in one) on float32 activations of M rows, quantising
them itself as it goes. Sides take turns; the figure is GFLOP/s by *processor time*, all threads together, because other
work on the machine falls on wall time unevenly. Weight bytes stand beside. Ours runs in its own process (the example
``turns`` of the crate ``kernels``, built with cargo); ggml is the library inside ``llama-cpp-python``.
"""

import ctypes
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from figures import arguments, line, show

ROOT = Path(__file__).resolve().parents[2]
SHAPES = ((1024, 512), (512, 512), (2816, 512), (512, 1408))
LAYERS = 10
PARAMETERS = LAYERS * sum(rows * columns for rows, columns in SHAPES)
ROWS = (1, 8, 16, 64, 256)
WIDEST = 1408
GGML_TYPES = {"Q2_K": (10, 256), "Q4_0": (2, 32), "TQ2_0": (35, 256)}
"""Each type's number in ``enum ggml_type`` and how many weights its block holds."""
BARS = {
    1: {"ggml TQ2_0": 2.0, "onnxruntime 2-bit": 2.0, "torch int8 dynamic": 2.0},
    8: {"ggml Q2_K": 2.0, "torch int8 dynamic": 1.3},
    16: {"ggml Q2_K": 2.0, "torch int8 dynamic": 1.3},
    64: {"ggml Q2_K": 2.0, "torch int8 dynamic": 1.0},
    256: {"ggml Q2_K": 2.0, "torch int8 dynamic": 1.0},
}


def activations(rows):
    return np.random.default_rng(1).standard_normal((rows, WIDEST)).astype(np.float32)


def float_weights():
    chance = np.random.default_rng(2)
    for _ in range(LAYERS):
        for rows, columns in SHAPES:
            yield (chance.standard_normal((rows, columns)) / columns**0.5).astype(np.float32)


class Ours:
    """The example ``turns`` in a process of its own; its processor time is read from the kernel's books."""

    bytes = PARAMETERS * 2.25 / 8

    def __init__(self, threads):
        build = ["cargo", "build", "--release", "--locked", "-q", "-p", "aios-kernels", "--example", "turns"]
        subprocess.run(build, cwd=ROOT, check=True)
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        self.process = subprocess.Popen(
            [target / "release" / "examples" / "turns", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, rows, repeats):
        before = self._spent()
        self.process.stdin.write(f"{rows} {repeats}\n")
        self.process.stdin.flush()
        if not self.process.stdout.readline():
            raise SystemExit("the example turns ended early")
        return (self._spent() - before) / repeats

    def _spent(self):
        tasks = Path(f"/proc/{self.process.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


class InProcess:
    """A side that computes in this process: ``run(rows)`` is one trunk."""

    def seconds(self, rows, repeats):
        before = time.process_time()
        for _ in range(repeats):
            self.run(rows)
        return (time.process_time() - before) / repeats


class Torch(InProcess):
    """``nn.Linear`` under ``quantize_dynamic``, or as it is in float32."""

    def __init__(self, threads, dynamic):
        import warnings

        import torch
        from torch import nn

        torch.set_num_threads(threads)
        self.torch, layers = torch, []
        for weight in float_weights():
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            layer.weight = nn.Parameter(torch.from_numpy(weight), requires_grad=False)
            layers.append(layer)
        body = nn.ModuleList(layers)
        if dynamic:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from torch.ao.quantization import quantize_dynamic

                body = quantize_dynamic(body, {nn.Linear}, dtype=torch.qint8)
        self.layers = [(layer, columns) for layer, (_, columns) in zip(body, SHAPES * LAYERS, strict=True)]
        self.bytes = PARAMETERS * (1 if dynamic else 4)
        self.inputs = {rows: torch.from_numpy(activations(rows)) for rows in ROWS}

    def run(self, rows):
        with self.torch.inference_mode():
            for layer, columns in self.layers:
                layer(self.inputs[rows][:, :columns].contiguous())


class Ggml(InProcess):
    """A graph of ``ggml_mul_mat`` nodes; activations are quantised by ggml inside each node."""

    F32 = 0

    class Params(ctypes.Structure):
        _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]

    def __init__(self, threads, name):
        import llama_cpp

        folder = Path(llama_cpp.__file__).parent / "lib"
        self.base = ctypes.CDLL(str(folder / "libggml-base.so"), ctypes.RTLD_GLOBAL)
        self.cpu = ctypes.CDLL(str(folder / "libggml-cpu.so"), ctypes.RTLD_GLOBAL)
        self._declare()
        self.cpu.ggml_cpu_init()
        self.threads, (self.type, self.block) = threads, GGML_TYPES[name]
        self.context = self.base.ggml_init(self.Params(1 << 30, None, False))
        self.weights = [self._quantised(weight) for weight in float_weights()]
        self.bytes = sum(self.base.ggml_nbytes(weight) for weight in self.weights)
        self.graphs = {rows: self._graph(rows) for rows in ROWS}

    def _width(self, columns):
        # A type with blocks of 256 has no place for 1408 columns: those are filled up with zeros to 1536.
        return columns + -columns % self.block

    def _declare(self):
        pointer, base, cpu = ctypes.c_void_p, self.base, self.cpu
        for library, name, result, words in (
            (base, "ggml_init", pointer, [self.Params]),
            (base, "ggml_new_tensor_2d", pointer, [pointer, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]),
            (base, "ggml_get_data", pointer, [pointer]),
            (base, "ggml_nbytes", ctypes.c_size_t, [pointer]),
            (base, "ggml_mul_mat", pointer, [pointer, pointer, pointer]),
            (base, "ggml_new_graph", pointer, [pointer]),
            (base, "ggml_build_forward_expand", None, [pointer, pointer]),
            (
                base,
                "ggml_quantize_chunk",
                ctypes.c_size_t,
                [ctypes.c_int, pointer, pointer, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, pointer],
            ),
            (cpu, "ggml_cpu_init", None, []),
            (cpu, "ggml_graph_compute_with_ctx", ctypes.c_int, [pointer, pointer, ctypes.c_int]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, words

    def _quantised(self, weight):
        rows, columns = len(weight), self._width(weight.shape[1])
        weight = np.pad(weight, ((0, 0), (0, columns - weight.shape[1])))
        tensor = self.base.ggml_new_tensor_2d(self.context, self.type, columns, rows)
        data = self.base.ggml_get_data(tensor)
        self.base.ggml_quantize_chunk(self.type, weight.ctypes.data, data, 0, rows, columns, None)
        return tensor

    def _graph(self, rows):
        chance, graph = np.random.default_rng(3), self.base.ggml_new_graph(self.context)
        for index, weight in enumerate(self.weights):
            width = self._width(SHAPES[index % len(SHAPES)][1])
            x = chance.standard_normal((rows, width)).astype(np.float32)
            tensor = self.base.ggml_new_tensor_2d(self.context, self.F32, width, rows)
            ctypes.memmove(self.base.ggml_get_data(tensor), x.ctypes.data, x.nbytes)
            self.base.ggml_build_forward_expand(graph, self.base.ggml_mul_mat(self.context, weight, tensor))
        return graph

    def run(self, rows):
        if self.cpu.ggml_graph_compute_with_ctx(self.context, self.graphs[rows], self.threads):
            raise SystemExit("ggml could not compute the graph")


class OnnxRuntime(InProcess):
    """``com.microsoft.MatMulNBits`` with two bits, groups of 64 and INT8 activations (accuracy level 4)."""

    def __init__(self, threads):
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper

        chance, nodes, constants, outputs = np.random.default_rng(4), [], [], []
        for index, (rows, columns) in enumerate(SHAPES * LAYERS):
            packed = chance.integers(0, 256, (rows, columns // 64, 16), dtype=np.uint8)
            scales = chance.random(rows * columns // 64).astype(np.float32)
            constants += [numpy_helper.from_array(packed, f"w{index}"), numpy_helper.from_array(scales, f"s{index}")]
            words = {"K": columns, "N": rows, "bits": 2, "block_size": 64, "accuracy_level": 4}
            names = [f"x{columns}", f"w{index}", f"s{index}"]
            nodes.append(helper.make_node("MatMulNBits", names, [f"y{index}"], domain="com.microsoft", **words))
            outputs.append(helper.make_tensor_value_info(f"y{index}", TensorProto.FLOAT, ["m", rows]))
        inputs = [helper.make_tensor_value_info(f"x{n}", TensorProto.FLOAT, ["m", n]) for n in (512, WIDEST)]
        graph = helper.make_graph(nodes, "trunk", inputs, outputs, constants)
        domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=domains, ir_version=10)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        self.bytes = sum(len(constant.raw_data) for constant in constants)
        self.inputs = {
            rows: {f"x{columns}": np.ascontiguousarray(activations(rows)[:, :columns]) for columns in (512, WIDEST)}
            for rows in ROWS
        }

    def run(self, rows):
        self.session.run(None, self.inputs[rows])


def sides(threads):
    makers = {
        "torch f32": lambda: Torch(threads, dynamic=False),
        "torch int8 dynamic": lambda: Torch(threads, dynamic=True),
        "onnxruntime 2-bit": lambda: OnnxRuntime(threads),
        **{f"ggml {name}": lambda name=name: Ggml(threads, name) for name in GGML_TYPES},
    }
    found = {"ours": Ours(threads)}
    for name, make in makers.items():
        try:
            found[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def speeds(found, rows, quick):
    """GFLOP/s of each side at ``rows`` rows: the median of its turns."""
    spent = {name: [] for name in found}
    repeats = max(1, (16 if quick else 64) // rows)
    for turn in range(3 if quick else 9):
        for name, side in found.items():
            took = side.seconds(rows, repeats)
            if turn:
                spent[name].append(took)
    return {name: 2e-9 * PARAMETERS * rows / statistics.median(took) for name, took in spent.items()}


def measured(threads, quick):
    found = sides(threads)
    for rows in ROWS:
        speed = speeds(found, rows, quick)
        for name in speed.keys() - {"ours"}:
            bar = BARS[rows].get(name)
            what = f"a trunk's INT2 products, M = {rows}"
            yield line(what, speed["ours"], speed[name], name, "GFLOP/s", bar, better="larger")
    for name, side in found.items():
        if name != "ours":
            yield line("weight bytes", found["ours"].bytes / 1e6, side.bytes / 1e6, name, "MB", None)


def main():
    threads = ("--threads", {"type": int, "default": 1, "help": "of each side"})
    words = arguments(__doc__, threads)
    show(measured(words.threads, words.quick), words.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
