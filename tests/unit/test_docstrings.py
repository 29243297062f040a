"""The examples in public docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

from workbench import blocks, heads, present, stats

PACKAGES = (blocks, heads, present, stats)
MODULES = [
    module.name for package in PACKAGES for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", ["workbench.api", *(package.__name__ for package in PACKAGES), *MODULES])
def test_examples_in_docstrings(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith(stats.__name__)])
def test_every_public_function_of_stats_has_an_example(name: str) -> None:
    module = importlib.import_module(name)
    functions = [
        function
        for key, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == name and not key.startswith("_")
    ]
    missing = [function.__name__ for function in functions if ">>>" not in (function.__doc__ or "")]
    assert not missing
