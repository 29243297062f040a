"""One file a screen; `REGISTRY` names the class of each, imported when it is first shown."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.tui.screens.base import WorkbenchScreen

REGISTRY = {
    "data": "workbench.tui.screens.data:DataScreen",
    "train": "workbench.tui.screens.train:TrainScreen",
    "neighbours": "workbench.tui.screens.neighbours:NeighboursScreen",
    "confusion": "workbench.tui.screens.confusion:ConfusionScreen",
    "divergence": "workbench.tui.screens.divergence:DivergenceScreen",
    "plugins": "workbench.tui.screens.plugins:PluginsScreen",
    "jobs": "workbench.tui.screens.jobs:JobsScreen",
}


def build(name: str) -> WorkbenchScreen:
    """The screen called `name`, newly made."""
    module, _, cls = REGISTRY[name].partition(":")
    made: WorkbenchScreen = getattr(importlib.import_module(module), cls)()
    return made
