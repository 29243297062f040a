"""Reading into the store against each library's own read into memory: `python tests/benchmarks/ingest.py [--rows N]`.

Makes its files, runs each side several times in a process of its own, alternating, and prints medians and ratios. A
ratio of 1 means: writing a checked store on disk takes as long as the library needs to fill memory. On a virtual
machine the library's time depends on whether the host has lent that memory already, as it has right after another
process left it; `--pause 8` lets each process find the machine at rest, as one that a user starts does. Ours needs
little memory, and differs little.

Reading .npy is bound by the disk: `npy copy` sets it against a plain copy that is synced, `in place` leaves the copy
out, and with `--folder` on XFS or Btrfs the copy shares its blocks with the file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from figures import figure

DIM = 1024
PEERS = {
    "csv": "pl.read_csv(f, schema={'path': pl.String, 'label': pl.Int64, **{str(i): pl.Float32 for i in range(1024)}})",
    "parquet": "pl.read_parquet(f)",
    "arrow": "pl.read_ipc(open(f, 'rb').read())",
    "npy": "np.load(f)",
    "safetensors": "__import__('safetensors.numpy').numpy.load_file(f)",
    "in place": "np.load(f)",
    "npy copy": "copied(f)",
}
PEER = """
import sys, time, json, os, shutil
import numpy as np, polars as pl
def copied(f):
    with open(f, "rb") as source, open(f + ".copy", "wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 22)
        os.fsync(copy.fileno())
f = sys.argv[1]
t = time.perf_counter(); x = {read}; s = time.perf_counter() - t
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # ru_maxrss outlives exec
print(json.dumps([s, int(peak.split()[1]) / 1024]))
"""
OURS = """
import sys, time, json
import numpy as np, polars as pl
from workbench.workspace import Workspace
from workbench.features import build, labels, readers, writer
from workbench.features.ingest import open_store
w = Workspace.open(sys.argv[1], sys.argv[2])
t = time.perf_counter(); open_store(w); s = time.perf_counter() - t
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # ru_maxrss outlives exec
print(json.dumps([s, int(peak.split()[1]) / 1024]))
"""
OPEN = """
import time; t = time.perf_counter()
from workbench.workspace import Workspace
from workbench.features.ingest import open_store
import sys
s = open_store(Workspace.open(sys.argv[1], sys.argv[2])); s.train.features[0]
print(__import__('json').dumps([time.perf_counter() - t, 0]))
"""


def make(folder: Path, kind: str, rows: int) -> Path:
    """A training file of one kind with `rows` x 1024 normal features."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    file = folder / f"train.{kind}"
    labels = np.arange(rows) % 1000
    if kind == "csv":
        with file.open("wb") as handle:
            for start in range(0, rows, 10_000):
                part = labels[start : start + 10_000]
                frame = pl.DataFrame(
                    rng.standard_normal((len(part), DIM), dtype=np.float32), [str(i) for i in range(DIM)]
                )
                frame.insert_column(0, pl.Series("path", [f"n{c:08d}/{start + i}.JPEG" for i, c in enumerate(part)]))
                frame.insert_column(1, pl.Series("label", part)).write_csv(handle, include_header=start == 0)
        return file
    features = rng.standard_normal((rows, DIM), dtype=np.float32)
    if kind in ("npy", "npy copy", "in place"):
        file = folder / "train.npy"
        np.save(file, features)
        np.save(folder / "train_labels.npy", labels)
        if kind == "in place":
            (folder / "workbench.toml").write_text('[features]\ntrain = "train.npy"\nin_place = true\n')
    elif kind == "safetensors":
        from safetensors.numpy import save_file

        save_file({"features": features, "labels": labels}, file)
    else:
        frame = pl.DataFrame(features, [str(i) for i in range(DIM)]).with_columns(label=pl.Series(labels))
        if kind == "parquet":
            frame.write_parquet(file, row_group_size=10_000)
        else:
            frame.write_ipc(file, record_batch_size=10_000)
    return file


def measure(code: str, *args: str) -> tuple[float, float]:
    """Seconds and peak MB of `code` in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of each file (100,000 makes 1.1 GB of CSV)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds of rest before each process")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to make the files (default: the temporary folder)"
    )
    parser.add_argument("--only", choices=[*PEERS, "memory", "open"], action="append")
    args = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="bench-ingest-", dir=args.folder))
    wanted = args.only or [*PEERS, "memory", "open"]
    try:
        for kind in [kind for kind in PEERS if kind in wanted]:
            compare(root, kind, args.rows, args.repeats, args.pause)
        if "memory" in wanted:
            memory(root, args.rows)
        if "open" in wanted:
            opening(root, args.rows, args.repeats)
    finally:
        shutil.rmtree(root)


def compare(root: Path, kind: str, rows: int, repeats: int, pause: float) -> None:
    """Print the rate of ingest over the rate of its peer, the library's own read but for `npy copy`."""
    folder = root / kind
    file = make(folder, kind, rows)
    measure(PEER.format(read=PEERS[kind]), str(file))  # both sides read a warm file
    ours, peers, peaks = [], [], []
    for _ in range(repeats):
        time.sleep(pause)
        peers.append(measure(PEER.format(read=PEERS[kind]), str(file))[0])
        Path(f"{file}.copy").unlink(missing_ok=True)
        time.sleep(pause)
        seconds, peak = measure(OURS, str(folder), str(root / "state"))
        ours.append(seconds)
        peaks.append(peak)
        shutil.rmtree(root / "state")
    ratio = statistics.median(peer / our for peer, our in zip(peers, ours, strict=True))
    print(
        f"{kind:12} {file.stat().st_size / 1e9:5.2f} GB  ingest {statistics.median(ours):6.2f} s  peer "
        f"{statistics.median(peers):6.2f} s  peak {statistics.median(peaks):.0f} MB",
        flush=True,
    )
    figure(f"rate of ingest / rate of its peer, {kind}", ratio, "at least 0.9" if kind == "csv" else "at least 0.7")
    shutil.rmtree(folder)


def memory(root: Path, rows: int) -> None:
    """Print the peak memory of ingest on a CSV file and on one three times as long."""
    peaks = []
    for factor in (1, 3):
        make(root / "memory", "csv", rows * factor)
        peaks.append(measure(OURS, str(root / "memory"), str(root / "state"))[1])
        shutil.rmtree(root / "memory")
        shutil.rmtree(root / "state")
    growth = peaks[1] / peaks[0] - 1
    print(f"memory       peak {peaks[0]:.0f} MB, three times as long {peaks[1]:.0f} MB")
    figure("growth of peak memory on three times the rows", growth, "at most 0.10")


def opening(root: Path, rows: int, repeats: int) -> None:
    """Print the time to open a workspace that was read before, beyond Python's start."""
    make(root / "open", "npy", rows)
    measure(OURS, str(root / "open"), str(root / "state"))
    seconds = [measure(OPEN, str(root / "open"), str(root / "state"))[0] for _ in range(max(repeats, 9))]
    print(f"open         {statistics.median(seconds) * 1000:.0f} ms beyond Python's start ({rows:,} x {DIM})")


if __name__ == "__main__":
    main()
