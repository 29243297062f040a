"""The ratios that a benchmark measures: printed where they arise, and collected into one table by `make bench`."""

from __future__ import annotations

import json
import os
from pathlib import Path

COLLECTED = "WORKBENCH_FIGURES"  # names the file to which each figure is also appended


def figure(what: str, value: float, wanted: str = "", digits: int = 3) -> None:
    """Print `value`, a ratio, with what it is and what is wanted of it."""
    print(f"  {what}: {value:.{digits}f}" + (f"  ({wanted})" if wanted else ""), flush=True)
    if COLLECTED in os.environ:
        with Path(os.environ[COLLECTED]).open("a") as file:
            file.write(json.dumps({"what": what, "value": round(value, digits), "wanted": wanted}) + "\n")
