"""The contract that every analysis passes by being registered."""

import ast
import html.parser
import json

import msgspec
import numpy as np
import polars as pl
import pytest

from workbench import blocks as codec
from workbench import plugins
from workbench.api import BadInput, Table
from workbench.cli.analyse import show
from workbench.cli.common import finite
from workbench.report import Section, to_html, to_markdown, to_objects
from workbench.settings import declared, resolve
from workbench.testing import run_analysis, tiny_context
from workbench.worker.checking import check_analysis

INFOS = [info for info in plugins.discover() if info.source in ("built-in", "shipped")]
DESIGNED = {"neighbours", "confusion", "divergence", "correlation"}


@pytest.fixture(params=INFOS, ids=lambda info: info.name)
def info(request):
    return request.param


def test_the_designed_ones_are_there():
    assert {info.name for info in INFOS} >= DESIGNED
    assert [info.error for info in INFOS if info.error] == []


def test_it_keeps_the_contract(info):
    assert check_analysis(info, plugins.load(info)).problems == []


def test_what_is_read_is_what_is_declared(info):
    found = plugins.load(info)
    assert info.settings == tuple(declared(found.Params).values())
    assert (info.name, info.title, info.needs_run) == (found.name, found.title, found.needs_run)
    assert found.__doc__ is not None


def test_it_imports_the_api_alone(info):
    """What a built-in analysis needs, a plugin may need too: all of it comes through `workbench.api`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(info.path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    ours = {name for name in names if name.partition(".")[0] == "workbench"}
    assert {name for name in ours if not name.startswith("workbench.analyses.")} == {"workbench.api"}


def same(a, b):
    """Whether two blocks hold the same."""
    if isinstance(a, pl.DataFrame):
        return a.equals(b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, msgspec.Struct):
        return type(a) is type(b) and same(msgspec.structs.astuple(a), msgspec.structs.astuple(b))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b or (a != a and b != b)


def test_its_blocks_travel_and_are_written_in_every_form(info, tmp_path, capsys):
    blocks = run_analysis(plugins.load(info), tiny_context(tmp_path))
    assert all(same(block, codec.decode(*codec.encode(block))) for block in blocks)
    json.dumps(finite(to_objects(blocks)), allow_nan=False)
    for block in blocks:
        if isinstance(block, Table):
            assert block.of is None or block.of >= len(block.frame)
    section = Section(info.title, blocks, {"limit": 3})
    assert to_markdown("tiny", [section]).startswith("# tiny\n")
    page = to_html("tiny", [section], {"run": "none"}, ("test1", "test2"))
    assert not unclosed(page)
    show(info.title, {}, None, blocks)
    assert info.title in capsys.readouterr().out


def unclosed(page):
    """The elements that a page opens and does not close, in order."""
    opened = []

    class Elements(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "br"):
                opened.append(tag)

        def handle_startendtag(self, tag, attrs):
            pass

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Elements().feed(page)
    return opened


def test_its_tables_are_limited_by_limit_and_0_gives_all(info, tmp_path):
    found = plugins.load(info)
    if "limit" not in declared(found.Params):
        pytest.skip("it has no limit")
    ctx = tiny_context(tmp_path)
    everything = [block for block in run_analysis(found, ctx, limit=0) if isinstance(block, Table)]
    assert everything
    assert all(block.of in (None, len(block.frame)) for block in everything)
    few = [block for block in run_analysis(found, ctx, limit=1) if isinstance(block, Table)]
    for all_rows, limited in zip(everything, few, strict=True):
        assert limited.of == all_rows.of
        assert len(limited.frame) <= max(len(ctx.splits), 1)


def test_bad_parameters_are_one_message(info, tmp_path):
    found = plugins.load(info)
    with pytest.raises(BadInput, match="unknown setting 'nonsense'"):
        resolve(found.Params, {"nonsense": 1})
    splits = [setting.name for setting in declared(found.Params).values() if setting.kind == "split"]
    ctx = tiny_context(tmp_path)
    for name in splits:
        with pytest.raises(BadInput, match="unknown split"):
            run_analysis(found, ctx, **{name: "tset1"})


def test_without_a_run_it_works_or_says_what_it_needs(info, tmp_path):
    ctx = tiny_context(tmp_path, run=None, runs={})
    found = plugins.load(info)
    if info.needs_run:
        with pytest.raises(BadInput, match="train a head first"):
            run_analysis(found, ctx)
    else:
        assert run_analysis(found, ctx)


def test_the_device_is_one_that_torch_has(tmp_path):
    import torch

    assert torch.zeros(1, device=tiny_context(tmp_path).device).sum() == 0
