"""A folder a screen; `REGISTRY` names the class of each, imported when it is first shown."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.tui.shell.screen import WorkbenchScreen

REGISTRY = {
    "data": "workbench.tui.screens.data.screen:DataScreen",
    "train": "workbench.tui.screens.train.screen:TrainScreen",
    "neighbours": "workbench.tui.screens.neighbours.screen:NeighboursScreen",
    "confusion": "workbench.tui.screens.confusion.screen:ConfusionScreen",
    "divergence": "workbench.tui.screens.divergence.screen:DivergenceScreen",
    "plugins": "workbench.tui.screens.plugins.screen:PluginsScreen",
    "jobs": "workbench.tui.screens.jobs.screen:JobsScreen",
}


def build(name: str) -> WorkbenchScreen:
    """The screen called `name`, newly made."""
    module, _, cls = REGISTRY[name].partition(":")
    screen: WorkbenchScreen = getattr(importlib.import_module(module), cls)()
    return screen
