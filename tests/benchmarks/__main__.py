"""Every benchmark one after the other, and one table of their ratios at the end: `make bench`.

python tests/benchmarks [NAME ...]

What a benchmark prints besides, and options of its own, are seen by running it by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
NAMES = ("ingest", "training", "sweep", "logistic")


def main() -> int:
    names = sys.argv[1:] or NAMES
    table = Table("benchmark", "ratio", "value", "wanted", box=None)
    failures = 0
    for name in names:
        print(f"== {name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            figures = Path(folder) / "figures.jsonl"
            figures.touch()
            environment = {**os.environ, "WORKBENCH_FIGURES": str(figures)}
            done = subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False, env=environment)
            failures += done.returncode != 0
            for line in figures.read_text().splitlines():
                row = json.loads(line)
                table.add_row(name, row["what"], f"{row['value']:g}", row["wanted"])
    Console(width=160).print(table)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
