"""Plugins for the tests of this folder, as text and as files."""

from pathlib import Path
from typing import Any

from workbench import plugins
from workbench.plugins.info import PluginInfo
from workbench.workspace import user_dir


def minimal(name: str, body: str = "", head: str = "") -> str:
    """An analysis that notes in its class attribute `mark` what `body` gave it."""
    return (
        f"{head}\nfrom workbench.api import Analysis\n{body}\nclass A(Analysis):\n"
        f'    name = "{name}"\n    mark = globals().get("MARK")\n    def run(self, ctx, params): ...\n'
    )


def mark_of(info: PluginInfo) -> Any:
    """The `mark` of an analysis that `minimal` wrote, which is imported for it."""
    analysis: Any = plugins.load(info)
    return analysis.mark


def drop(name: str, text: str | bytes, folder: Path | None = None) -> Path:
    """Write `name`.py into the user's plugins or another folder."""
    path = (folder or user_dir() / "plugins") / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
