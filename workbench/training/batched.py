"""Linear heads trained side by side in one pass over the data: each step is one product with all their weights.

Each head has its own learning rate, weight decay and whatever else governs how its weights are updated; what concerns
the data (seed, batch size, transform, augmentation) is common. Heads do not influence each other: each is what training
it alone with the same seed gives, up to the rounding of a wider matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import BadInput
from workbench.features.store import TrainingView
from workbench.heads import HeadSpec
from workbench.heads.trained import TrainedHead
from workbench.settings import values_of
from workbench.training.checkpoint import Checkpoint
from workbench.training.loop import Trainer
from workbench.training.recorder import Diverged, Recorder

PER_HEAD = ("lr", "weight_decay", "schedule", "warmup", "factor", "step_epochs", "patience", "optimiser", "momentum",
            "clip", "ema", "early_stopping", "keep")  # fmt: skip


def possible(spec: HeadSpec, settings: Sequence[Any]) -> bool:
    """Whether heads of these settings can be trained side by side: plain linear layers that see the same batches."""
    if spec.name != "linear" or any(one.decay_to_start for one in settings):
        return False
    common = [{key: value for key, value in values_of(one).items() if key not in PER_HEAD} for one in settings]
    return all(values == common[0] for values in common)


def train(
    view: TrainingView,
    spec: HeadSpec,
    settings: Sequence[Any],
    recorders: Sequence[Recorder],
    resume: Sequence[Checkpoint | None] | None = None,
) -> list[TrainedHead | Diverged]:
    """Train one head for each of `settings`, each with its recorder; returns the heads, or why one diverged, in order.

    `resume` holds a checkpoint for each head, all taken after the same step, or None for each. Raises BadInput for
    settings that cannot be combined, and the errors of `loop.train`; Stopped is raised as soon as any recorder requests
    a stop, after each recorder has been given the state of its head, which `loop.train` can resume from too.
    """
    if not possible(spec, settings):
        raise BadInput("only linear heads that differ in " + ", ".join(PER_HEAD) + " can be trained together")
    return Trainer(view, spec, settings, recorders, resume or [None] * len(settings)).run()


def same_step(saved: Sequence[Checkpoint | None]) -> bool:
    """Whether training side by side can resume from these: all taken after the same step, or none there."""
    steps = {None if one is None else (one.about["step"], one.about["epoch"], one.about["next_batch"]) for one in saved}
    return len(steps) == 1
