"""`workbench doctor`: versions, devices, and what this terminal can do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from typing import Any

from workbench.cli.common import JSON, emit, make_console

PACKAGES = (
    "textual", "textual-fastdatatable", "textual-image", "rich", "plotext", "polars", "pyarrow", "numpy", "torch",
    "scikit-learn", "scipy", "faiss-cpu", "safetensors", "typer", "msgspec",
)  # fmt: skip


def command(json: JSON = False) -> None:
    """Show installed versions, the devices available for training, and the capabilities of this terminal."""
    report = examine()
    if json:
        emit(report)
        return
    console = make_console()
    for section, entries in report.items():
        console.print(section, style="bold")
        for name, value in entries.items():
            console.print(f"  {name:<24}{value}")


def examine() -> dict[str, dict[str, Any]]:
    """The report of the command, by section."""
    from importlib.metadata import PackageNotFoundError, version

    from workbench import __version__
    from workbench.workspace import shipped, user_dir

    versions: dict[str, Any] = {"workbench": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return {
        "versions": versions,
        "devices": _devices(),
        "terminal": _terminal(),
        "folders": {"user": str(user_dir()), "plugins": str(shipped("plugins")), "data": str(shipped("data"))},
    }


def _devices() -> dict[str, Any]:
    import psutil

    memory = psutil.virtual_memory()
    devices: dict[str, Any] = {
        "cpu": f"{os.cpu_count()} cores, {memory.total / 2**30:.0f} GiB memory, {memory.available / 2**30:.0f} GiB free"
    }
    try:
        import torch
    except ImportError as error:
        return {**devices, "torch": f"cannot be imported: {error}"}
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        devices[f"cuda:{index}"] = f"{card.name}, {card.total_memory / 2**30:.0f} GiB"
    if not torch.cuda.device_count():
        devices["cuda"] = "none; heads are trained on the CPU"
    return devices


def _terminal() -> dict[str, Any]:
    size = shutil.get_terminal_size()
    encoding = (sys.stdout.encoding or "").lower()
    true_colour = os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    inside = "tmux" if os.environ.get("TMUX") else "screen" if os.environ.get("STY") else "none"
    return {
        "is a terminal": sys.stdout.isatty(),
        "size": f"{size.columns}x{size.lines}"
        + ("" if size.columns >= 80 and size.lines >= 24 else "; at least 80x24 recommended"),
        "TERM": os.environ.get("TERM", "not set"),
        "colours": "16 million" if true_colour else "256 or fewer; set COLORTERM=truecolor if the terminal supports it",
        "NO_COLOR": bool(os.environ.get("NO_COLOR")),
        "multiplexer": inside,
        "unicode": "utf" in encoding or f"{encoding or 'unknown'}: charts require UTF-8",
        "ssh": bool(os.environ.get("SSH_CONNECTION")),
    }
