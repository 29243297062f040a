"""How fast training is, beside what bounds it, each measured in the same run, by turns: medians and ratios.

    python tests/benchmarks/training.py [--rows 65536] [--repeats 5]

CPU: nn1 on made-up features, rows x 1024, C = 1000, batch 4096, against (a) its five matrix products alone, (b) a loop
over a DataLoader of a TensorDataset, (c) itself with everything recorded, as a run records it. On a GPU, where there is
one: 1,281,167 x 1024 made up on the device, 100 epochs at batch 65,536 in bf16, and the same features streamed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from figures import figure
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from workbench import heads
from workbench.heads import HEADS
from workbench.runs import records
from workbench.runs.folder import RunFolder
from workbench.runs.recorder import RunRecorder, StateFile
from workbench.training import devices, loop
from workbench.training.recorder import Recorder, Silent

DIM, CLASSES, HIDDEN, BATCH = 1024, 1000, 512, 4096


def view_of(rows: int, val: int = 0) -> Any:
    """Made-up features in place of a training view."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((rows + val, DIM), dtype=np.float32)
    labels = rng.integers(CLASSES, size=rows + val)
    return SimpleNamespace(
        features=features, labels=labels, dim=DIM, classes=[str(i) for i in range(CLASSES)], fingerprint="made up",
        train_rows=np.arange(rows), val_rows=np.arange(rows, rows + val),
    )  # fmt: skip


def trainer(view: Any, recorder: Recorder, **values: object) -> loop.Trainer:
    """A trainer of nn1 that is ready to run."""
    settings = {"batch_size": BATCH, "lr": 5e-5, "transform": "none", "device": "cpu", "epochs": 1, **values}
    return loop.Trainer(view, HEADS["nn1"], [heads.resolve_settings("nn1", settings)], [recorder], [None])


def seconds_of(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def products(device: torch.device, batch: int) -> Callable[[], None]:
    """Does the five matrix products of a step alone: two forward, two for weights, one for inputs."""
    x, h, g = (torch.randn(batch, width, device=device) for width in (DIM, HIDDEN, CLASSES))
    w1, w2 = torch.randn(HIDDEN, DIM, device=device), torch.randn(CLASSES, HIDDEN, device=device)

    def step() -> None:
        torch.mm(x, w1.T)
        torch.mm(h, w2.T)
        torch.mm(g.T, h)
        torch.mm(g, w2)
        torch.mm(h.T, x)

    return step


def usual_loop(view: Any) -> Callable[[], None]:
    """Does a step as one usually writes it."""
    data = TensorDataset(torch.from_numpy(view.features), torch.from_numpy(view.labels))
    loader = DataLoader(data, batch_size=BATCH, shuffle=True)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(DIM, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
    optimiser = torch.optim.AdamW(module.parameters(), lr=5e-5)
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    sums = [0.0, 0]

    def step() -> None:
        x, y = next(batches)
        optimiser.zero_grad()
        logits = module(x)
        loss = nn.functional.cross_entropy(logits, y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        sums[0] += loss.item() * len(y)
        sums[1] += int((logits.argmax(1) == y).sum())

    return step


def our_loop(view: Any) -> Callable[[], None]:
    """Does a step of the training loop."""
    ours = trainer(view, Silent(), epochs=10**5)
    batches = itertools.chain.from_iterable(ours.data.batches(epoch, 0) for epoch in itertools.count())

    def step() -> None:
        ours._step(*next(batches))
        ours.step += 1

    return step


def flops(rows: int) -> float:
    """Floating-point operations of an epoch's five products."""
    return 2.0 * rows * (2 * DIM * HIDDEN + 3 * HIDDEN * CLASSES)


def tera(flop: float, seconds: float) -> str:
    return f"{flop / seconds / 1e12:.3f} TFLOP/s"


def large_product(device: torch.device, dtype: torch.dtype, n: int) -> float:
    """Floating-point operations a second of one n x n product."""
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    times = []
    for _ in range(5):
        started = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return 2.0 * n**3 / min(times)


def on_cpu(rows: int, repeats: int, folder: Path) -> None:
    view = view_of(rows)
    steps = {
        "training": our_loop(view), "products": products(torch.device("cpu"), BATCH), "usual loop": usual_loop(view)
    }  # fmt: skip
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats * (rows // BATCH)):
        for name, step in steps.items():  # by turns, step by step: what else runs here slows all of them alike
            taken[name].append(seconds_of(step))
    middle = {name: statistics.median(times) for name, times in taken.items()}
    for name, seconds in middle.items():
        speed = tera(flops(BATCH), seconds)
        print(f"  {name:<12} {1000 * seconds:8.1f} ms a step  {BATCH / seconds:10,.0f} rows/s  {speed}")
    print(f"  a 4096 x 4096 product: {large_product(torch.device('cpu'), torch.float32, 4096) / 1e12:.3f} TFLOP/s")
    figure("rate of nn1 / rate of its products alone", middle["products"] / middle["training"], "at least 0.85")
    figure("rate of nn1 / rate of the usual loop", middle["usual loop"] / middle["training"], "at least 1.25")
    recording(view, repeats, folder)


def recording(view: Any, repeats: int, folder: Path) -> None:
    """Two epochs with val and checkpoints, recorded as a run is and not recorded."""
    ratios = []
    for index in range(repeats):
        run = RunFolder(folder / f"run{index}")
        run.path.mkdir()
        records.write(run.path, records.RunState(state="queued"))
        state = StateFile(run)
        state.wait()
        state.begin()
        recorded = trainer(view, RunRecorder(run, state), epochs=2)
        plain = trainer(view, Silent(), epochs=2)
        pair = [(1, recorded), (0, plain)]
        with contextlib.redirect_stdout(io.StringIO()):
            times = {kind: seconds_of(one.run) for kind, one in (pair if index % 2 else pair[::-1])}
        state.end("finished")
        ratios.append(times[1] / times[0])
    figure("time with recording / without", statistics.median(ratios), "at most 1.10")


def on_gpu(repeats: int) -> None:
    device = torch.device("cuda:0")
    rows, batch, epochs = 1_281_167, 65_536, 100
    print(f"{devices.title(device)}: nn1, {rows:,} x {DIM}, C = {CLASSES}, batch {batch:,}, bf16")
    view = view_of(rows)
    rates = {}
    for name, resident in (("resident", True), ("streamed", False)):
        fits = devices.fits
        devices.fits = lambda size, where, resident=resident: resident  # type: ignore[misc]
        many = epochs if resident else 10
        told = Silent()
        one = trainer(view, told, device="cuda:0", epochs=many, batch_size=batch, precision="bf16")
        devices.fits = fits

        def run(one: loop.Trainer = one) -> None:
            one.run()
            torch.cuda.synchronize()

        taken = seconds_of(run)
        rates[name] = rows * many / taken
        print(f"  {name}: {many} epochs in {taken:.2f} s, {tera(flops(rows) * many, taken)}")
    figure("rate streamed / rate resident", rates["streamed"] / rates["resident"], "at least 0.7")
    print(f"  an 8192 x 8192 product in bf16: {large_product(device, torch.bfloat16, 8192) / 1e12:.1f} TFLOP/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=65_536)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    print(f"{devices.title(torch.device('cpu'))}: nn1, {asked.rows:,} x {DIM}, C = {CLASSES}, batch {BATCH:,}")
    with tempfile.TemporaryDirectory() as folder:
        on_cpu(asked.rows, asked.repeats, Path(folder))
    if torch.cuda.is_available():
        on_gpu(asked.repeats)
    else:
        print("no GPU here: training on one was not measured")


if __name__ == "__main__":
    main()
