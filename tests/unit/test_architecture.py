"""No module imports itself by way of others, not even where only a type checker looks."""

from __future__ import annotations

from collections.abc import Mapping, Set

import grimp
import pytest


def circles(imports: Mapping[str, Set[str]]) -> list[list[str]]:
    """The groups of modules that import one another: strongly connected components (Tarjan, 1972) larger than one."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for other in imports[module]:
            if other not in order:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in stack:
                lowest[module] = min(lowest[module], order[other])
        if lowest[module] == order[module]:
            group = stack[stack.index(module) :]
            del stack[-len(group) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for module in imports:
        if module not in order:
            visit(module)
    return groups


@pytest.mark.parametrize(
    ("imports", "groups"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, [["b", "c"]]),
        ({"a": {"b", "d"}, "b": {"c"}, "c": {"a"}, "d": {"e"}, "e": {"d"}}, [["d", "e"], ["a", "b", "c"]]),
    ],
)
def test_circles_are_seen(imports: dict[str, set[str]], groups: list[list[str]]) -> None:
    assert circles(imports) == groups


def test_no_circle_of_imports() -> None:
    graph = grimp.build_graph("workbench", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in sorted(graph.modules)}
    assert len(imports) > 100
    groups = circles(imports)
    assert not groups, "modules that import one another:\n" + "\n".join(", ".join(group) for group in groups)
