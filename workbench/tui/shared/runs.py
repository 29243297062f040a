"""What several screens show of runs: short names, states and their colours, start times, progress, curve colours."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING

from rich.text import Text

from workbench.present.colours import SERIES, Palette

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot

STATE_SIGNS = {
    "queued": "○", "running": "▶", "finished": "✓", "done": "✓", "failed": "✗", "stopped": "■", "cancelled": "■",
    "lost": "?",
}  # fmt: skip


def short_name(run: RunSnapshot) -> str:
    """A run's id without its date and time: `linear-a3f1`."""
    return run.id.split("-", 2)[-1] if run.id.count("-") >= 2 else run.id


def state_label(state: str, palette: Palette) -> Text:
    """The state of a run or an analysis, with its sign and in its colour: `✓ finished`."""
    return Text(f"{STATE_SIGNS.get(state, '')} {state}", style=state_colour(state, palette))


def state_colour(state: str, palette: Palette) -> str:
    """The colour of the state of a run or an analysis; the word itself always stands beside it."""
    good, bad, warning = (palette.severities[name] for name in ("good", "error", "warning"))
    return {
        "running": f"bold {palette.strong}", "finished": good, "done": good, "failed": bad, "lost": bad,
        "stopped": warning, "cancelled": warning,
    }.get(state, palette.muted)  # fmt: skip


def start_time(created: float) -> str:
    """When a run or an analysis began (`created`: seconds since 1970): the time if today, else the date as well."""
    then, now = time.localtime(created), time.localtime()
    if (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday):
        return time.strftime("%H:%M:%S", then)
    return time.strftime("%d %b %H:%M" if then.tm_year == now.tm_year else "%Y-%m-%d", then)


def progress(run: RunSnapshot, epoch: float = 0.0) -> float:
    """The fraction of a run's epochs that is done, from 0 to 1; `epoch` counts the current one in part, where known."""
    return min(max(float(run.epoch), epoch) / run.epochs, 1.0) if run.epochs else 0.0


def remaining(run: RunSnapshot, fraction: float) -> float | None:
    """Seconds until an active run is done, at its average pace; None while that cannot be estimated."""
    if not run.active or fraction <= 0 or run.seconds < 1:
        return None
    return run.seconds * (1 - fraction) / fraction


class RunColours:
    """A colour for each run, the same while the interface is open, and mostly the same the next time."""

    def __init__(self) -> None:
        self._indices: dict[str, int] = {}

    def of(self, run_id: str, palette: Palette) -> str:
        """The colour of a run's curves, as #RRGGBB."""
        return palette.series(self._index(run_id))

    def _index(self, run_id: str) -> int:
        """The index of a run's colour in the series: by the hash of its id, or the next that fewer runs have."""
        if run_id not in self._indices:
            counts = [list(self._indices.values()).count(index) for index in range(len(SERIES))]
            first = zlib.crc32(run_id.encode()) % len(SERIES)
            candidates = [(first + step) % len(SERIES) for step in range(len(SERIES))]
            self._indices[run_id] = min(candidates, key=lambda index: counts[index])
        return self._indices[run_id]
