"""`logistic` against scikit-learn's LogisticRegression: `python tests/benchmarks/logistic.py [--C 0.01]`.

Both solve the same problem on the same standardised float32 rows of cifar10 (50,000 x 1280), in processes of their own,
alternating. scikit-learn stops where its gradient is below `--tol` (1e-4 is its default, at which it is still some 1e-5
above the optimum), ours where it expects to be 1e-6 of the objective above the optimum. Objectives are evaluated in
float64. A ratio of times of 0.4 means: in 0.4 of scikit-learn's time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from figures import figure

ROOT = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("WORKBENCH_TEST_DATA", ROOT.parent / "shared" / "data"))
COMMON = """
import json, sys, time
import numpy as np
folder, strength, extra = sys.argv[1], float(sys.argv[2]), sys.argv[3]
x, y = np.load(folder + "/x.npy"), np.load(folder + "/y.npy")
"""
OURS = (
    COMMON
    + """
import torch
from workbench.heads.softmax_regression import Sample, Solver
rows = Sample(torch.from_numpy(x).to(extra), torch.from_numpy(y).to(extra))
rows.features[:512] @ rows.features[0]  # the device is awake
count = []
t = time.perf_counter()
solver = Solver(rows, int(y.max()) + 1, 1e-6, 1000)
weights, _ = solver.solve(strength, None, count.append)
w, b = weights[:, :-1].cpu().numpy(), solver.intercept(weights).cpu().numpy()
seconds, iterations = time.perf_counter() - t, len(count)
"""
)
PEER = (
    COMMON
    + """
from sklearn.linear_model import LogisticRegression
t = time.perf_counter()
model = LogisticRegression(C=strength, tol=float(extra), max_iter=100_000).fit(x, y)
seconds, iterations = time.perf_counter() - t, int(model.n_iter_[0])
w, b = model.coef_, model.intercept_
"""
)
END = """
total = 0.0
for start in range(0, len(y), 5000):
    z = x[start : start + 5000].astype(np.float64) @ np.asarray(w, np.float64).T + b
    top = z.max(1)
    truth = z[np.arange(len(z)), y[start : start + 5000]]
    total += float((np.log(np.exp(z - top[:, None]).sum(1)) + top - truth).sum())
value = strength * total + 0.5 * float((np.asarray(w, np.float64) ** 2).sum())
print(json.dumps([seconds, value, iterations]))
"""


def measure(code: str, *args: str) -> tuple[float, float, int]:
    """Seconds, scikit-learn's objective and iterations, from a process of its own."""
    env = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code + END, *args], capture_output=True, text=True, check=True, env=env
    )
    seconds, value, iterations = json.loads(done.stdout)
    return seconds, value, iterations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--C", type=float, action="append", help="inverse strength; repeats (default 0.001)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu", help="of ours: cpu or cuda")
    parser.add_argument("--tol", type=float, default=1e-4, help="scikit-learn's tol")
    args = parser.parse_args()
    table = pl.read_parquet(DATA / "cifar10" / "train.parquet")
    x = table.drop("path", "label").to_numpy().astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="bench-logistic-") as folder:
        np.save(Path(folder) / "x.npy", (x - x.mean(0)) / np.maximum(x.std(0), 1e-12))
        np.save(Path(folder) / "y.npy", table["label"].to_numpy().astype(np.int64))
        for strength in args.C or [0.001]:
            compare(folder, strength, args.repeats, args.device, args.tol)


def compare(folder: str, strength: float, repeats: int, device: str, tol: float) -> None:
    """Print the ratio of times and how far apart the objectives are."""
    ours, peers = [], []
    for _ in range(repeats):
        peers.append(measure(PEER, folder, str(strength), str(tol)))
        ours.append(measure(OURS, folder, str(strength), device))
    ratio = statistics.median(our[0] / peer[0] for our, peer in zip(ours, peers, strict=True))
    apart = ours[0][1] / peers[0][1] - 1
    print(
        f"C = {strength:g}  logistic {statistics.median(o[0] for o in ours):.2f} s, {ours[0][2]} iterations  "
        f"scikit-learn {statistics.median(p[0] for p in peers):.2f} s, {peers[0][2]} iterations  "
        f"objective {ours[0][1]:.6g} against {peers[0][1]:.6g}: {apart:+.1e}",
        flush=True,
    )
    figure(f"time of logistic / time of scikit-learn, C = {strength:g}", ratio, "at most 0.4")


if __name__ == "__main__":
    main()
