"""What a head declares: its settings and how it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from workbench.heads.fitting import Fitting, Rows


@dataclass(frozen=True)
class HeadSpec:
    """One head of the registry.

    Parameters
    ----------
    name, title, help : str
        The name in commands and files, the title on screen, and one line of explanation.
    Settings : type
        Declares the settings with `workbench.settings.param`; a subclass of `TrainedByGradient` or `ClosedForm`.
    build : callable
        `build(D, C, settings)` returns a `torch.nn.Module` that maps features [n, D] (float32, transformed) to logits
        [n, C]; it draws its initial weights from torch's global generator.
    min_batch : int
        The fewest rows that a step can have.
    begin : callable, optional
        `begin(module, train, settings)` sets those initial weights that depend on train rows, of a head trained by
        gradient descent.
    fit : callable, optional
        `fit(module, problem)` makes it a closed-form head: it sets the weights of the built module.
    fits : callable
        `fits(settings)` is the largest number of candidates that `fit` tries.
    restore : callable, optional
        `restore(module, tensors, file, transform)` sets the weights from the tensors saved in `file`, where
        `load_state_dict` is not enough.
    """

    name: str
    title: str
    help: str
    Settings: type
    build: Callable[[int, int, Any], nn.Module]
    min_batch: int = 1
    begin: Callable[[nn.Module, Rows, Any], None] | None = None
    fit: Callable[[nn.Module, Fitting], None] | None = None
    fits: Callable[[Any], int] = lambda settings: 1
    restore: Callable[[nn.Module, dict[str, Tensor], Path, nn.Module], None] | None = None

    def rounds(self, settings: Any) -> int:
        """What a run counts up to: epochs, or the candidates of a closed-form head.

        Examples
        --------
        >>> from workbench.heads import HEADS, resolve_settings
        >>> HEADS["linear"].rounds(resolve_settings("linear", {"epochs": 5}))
        5
        >>> HEADS["ridge"].rounds(resolve_settings("ridge", {"alpha": 1.0}))
        1
        """
        return int(settings.epochs) if self.fit is None else self.fits(settings)
