"""The heads: classifiers on top of the features, and the one registry of them.

A head is one file here and one line in `HEADS`. Importing this package loads no torch, so that forms and `--help` can
list every head with its settings; torch is imported when a head is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import choose
from workbench.heads import cosine, knn, lda, linear, logistic, mlp, nn1, nn2, prototype, ridge
from workbench.heads.settings import check_device
from workbench.heads.spec import HeadSpec
from workbench.settings import resolve

__all__ = ["HEADS", "HeadSpec", "find", "resolve_settings"]

SPECS = (
    linear.SPEC,
    nn1.SPEC,
    nn2.SPEC,
    mlp.SPEC,
    cosine.SPEC,
    logistic.SPEC,
    ridge.SPEC,
    lda.SPEC,
    prototype.SPEC,
    knn.SPEC,
)
HEADS: dict[str, HeadSpec] = {spec.name: spec for spec in SPECS}


def find(name: str) -> HeadSpec:
    """The head called `name`; raises BadInput with the nearest spelling.

    Examples
    --------
    >>> find("ridge").title
    'Ridge'
    >>> find("rigde")
    Traceback (most recent call last):
    ...
    workbench.errors.BadInput: unknown head 'rigde', did you mean 'ridge'? (known: linear, nn1, nn2, mlp, cosine, \
logistic, ridge, lda, prototype, knn)
    """
    return HEADS[choose(name, HEADS, "head")]


def resolve_settings(name: str, values: Mapping[str, object]) -> Any:
    """An instance of the head's `Settings` with defaults filled in; raises BadInput naming head, key and value.

    Examples
    --------
    >>> settings = resolve_settings("linear", {"lr": "1e-2"})
    >>> settings.lr, settings.epochs
    (0.01, 20)
    """
    spec = find(name)
    settings: Any = resolve(spec.Settings, values, f"head {name}: ")
    check_device(settings.device)
    return settings
