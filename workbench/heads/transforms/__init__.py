"""Feature transforms: fitted on train rows alone, saved with the head, applied before it. The one registry of them.

A transform is one class in `modules` and one line in `TRANSFORMS`, from which the choices and their help follow.
Importing this package loads no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import choose

if TYPE_CHECKING:
    import torch
    from torch import nn

    from workbench.heads.moments import Chunks
    from workbench.heads.transforms.modules import Transform


@dataclass(frozen=True)
class TransformSpec:
    """One transform of the registry; `module` is the name of its class in `modules`."""

    name: str
    help: str
    module: str

    def load(self) -> type[Transform]:
        """The class, for which torch is imported."""
        from workbench.heads.transforms import modules

        module: type[Transform] = getattr(modules, self.module)
        return module


TRANSFORMS: dict[str, TransformSpec] = {
    spec.name: spec
    for spec in (
        TransformSpec("none", "features unchanged", "Unchanged"),
        TransformSpec("standardise", "mean 0, standard deviation 1", "Standardise"),
        TransformSpec("l2", "scaled to length 1", "Length"),
        TransformSpec("power", "signed square root", "Power"),
        TransformSpec("log1p", "signed log(1 + log_scale |x|)", "Log"),
        TransformSpec("whiten", "principal components, standard deviation 1", "Whiten"),
    )
}
# a + reads "then": each part is fitted to the output of the one before it
CHOICES = (*TRANSFORMS, "power+standardise", "log1p+standardise", "standardise+l2")


def _parts(settings: Any) -> list[type[Transform]]:
    return [TRANSFORMS[name].load() for name in choose(settings.transform, CHOICES, "transform").split("+")]


def width(settings: Any, dim: int) -> int:
    """The number of features after the transform that `settings` (a `DataSettings`) name, of `dim` before it.

    Raises BadInput when it would keep more features than there are.

    Examples
    --------
    >>> from workbench.heads import resolve_settings
    >>> width(resolve_settings("linear", {"transform": "whiten", "components": 64}), dim=512)
    64
    """
    for part in _parts(settings):
        dim = part.width(dim, settings)
    return dim


def make(settings: Any, dim: int) -> nn.Module:
    """The unfitted transform of `dim` features that `settings` (a `DataSettings`) name.

    Raises BadInput for an unknown name and when it would keep more features than there are.
    """
    from workbench.heads.transforms.modules import Chain

    parts = []
    for part in _parts(settings):
        parts.append(part(dim, settings))
        dim = part.width(dim, settings)
    return parts[0] if len(parts) == 1 else Chain(*parts)


def fit(settings: Any, dim: int, chunks: Chunks, device: torch.device) -> nn.Module:
    """The transform fitted to train rows, on `device`, without gradients.

    `chunks()` gives the rows, float32 [m, dim] at a time, anew at each call.

    Examples
    --------
    >>> import torch
    >>> from workbench.heads import resolve_settings
    >>> x = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> settings = resolve_settings("linear", {"transform": "standardise"})
    >>> fit(settings, 2, lambda: [x], torch.device("cpu"))(x).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """
    from workbench.heads.transforms.modules import Chain, Transform

    module = make(settings, dim).to(device)
    assert isinstance(module, Transform | Chain)
    module.fit(chunks)
    return module.requires_grad_(False)
