"""The engines that are timed: how each is started, and how it is asked.

A process times one engine on one model, token count and thread count, and stays, so that no round
pays for starting it. What is said to it is in workers/protocol.py.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
FOLDER = Path(os.environ.get("EMBERT_PEERS", REPOSITORY / "target/peers"))
XTASK = REPOSITORY / "target/release/xtask"


@dataclass(frozen=True)
class Engine:
    command: tuple
    # How its file of a model ends.
    suffix: str
    # What the process finds in its environment.
    settings: tuple = ()


def worker(name):
    return (sys.executable, str(HERE / "workers" / f"{name}_worker.py"))


RTEN = (str(FOLDER / "rten/release/time-rten"),)
ENGINES = {
    "embert": Engine((str(XTASK), "time"), "embert"),
    "openvino": Engine(worker("openvino"), "openvino.xml"),
    # What is not int8 may be computed in bf16.
    "openvino-bf16": Engine(worker("openvino"), "openvino.xml", (("EMBERT_OPENVINO_PRECISION", "bf16"),)),
    "onnxruntime": Engine(worker("onnxruntime"), "int8.onnx"),
    # Attention as one operator of its own, which exporters do not write.
    "onnxruntime-fused": Engine(worker("onnxruntime"), "fused.int8.onnx"),
    "rten": Engine(RTEN, "int8.onnx"),
    "llama.cpp": Engine(worker("llama"), "gguf"),
    "llama.cpp-flash": Engine(worker("llama"), "gguf", (("EMBERT_LLAMA_FLASH", "1"),)),
}


def command(name, model, tokens, threads):
    """The command line that runs an engine, pinned to cores of its own."""
    engine = ENGINES[name]
    # One thread by itself takes the second core: the system's own work tends to be on the first.
    cores = "1" if threads == 1 else f"0-{threads - 1}"
    line = ["taskset", "-c", cores, *engine.command, str(FOLDER / "models" / f"{model}.{engine.suffix}")]
    line += ["--tokens", str(tokens), "--threads", str(threads)]
    if name != "embert":
        line += ["--ids", str(FOLDER / "models" / f"{model}.ids.txt")]
    return line


def environment(name):
    return os.environ | dict(ENGINES[name].settings)


class Process:
    def __init__(self, name, model, tokens, threads):
        self.line = command(name, model, tokens, threads)
        self.process = subprocess.Popen(
            self.line,
            env=environment(name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def time(self, passes):
        """The milliseconds of each of so many forward passes."""
        try:
            self.process.stdin.write(f"{passes}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise SystemExit(f"ended early, with {self.process.wait()}: {' '.join(self.line)}")
        times = json.loads(answer)["ms"]
        if len(times) != passes:
            raise SystemExit(f"{len(times)} times for {passes} passes: {' '.join(self.line)}")
        return times

    def close(self):
        self.process.stdin.close()
        self.process.wait()
