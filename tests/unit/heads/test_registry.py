"""What every registered head must keep to, by being registered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from workbench import heads
from workbench.errors import BadInput
from workbench.features.store import TrainingView
from workbench.heads import HEADS, trained, transforms
from workbench.heads.transforms import CHOICES, TRANSFORMS
from workbench.settings import declared, values_of
from workbench.training import loop
from workbench.training.recorder import Silent

DIM, CLASSES = 6, 4


class Given:
    """A view of made-up rows; see `TrainingView`."""

    fingerprint = "none"
    dim = DIM
    classes = [str(index) for index in range(CLASSES)]
    labels = np.arange(40) % CLASSES
    features = np.random.default_rng(5).normal(size=(40, DIM)).astype(np.float32) + 2 * np.eye(CLASSES, DIM)[labels]
    train_rows, val_rows = np.arange(30), np.arange(30, 40)


def made(name: str, **values: object) -> trained.TrainedHead:
    """A head trained for a moment."""
    quick = {"epochs": 1} if HEADS[name].fit is None else {}
    settings = heads.resolve_settings(name, {"device": "cpu", **quick, **values})
    return loop.train(cast(TrainingView, Given()), HEADS[name], settings, Silent())


def test_listing_heads_loads_no_torch() -> None:
    code = (
        "import sys; from workbench import heads, runs; import workbench.training.recorder; "
        "print([m for m in ('torch', 'sklearn', 'scipy', 'faiss', 'polars') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("name", HEADS)
class TestEveryHead:
    def test_says_what_it_is(self, name: str) -> None:
        spec = HEADS[name]
        assert spec.name == name
        assert spec.title
        assert spec.help
        for setting in declared(spec.Settings).values():
            assert setting.help, f"{setting.name} has no help"

    def test_has_defaults_within_its_own_ranges(self, name: str) -> None:
        settings = heads.resolve_settings(name, {})
        again = heads.resolve_settings(name, values_of(settings))
        assert values_of(again) == values_of(settings)

    def test_refuses_unknown_settings_by_name(self, name: str) -> None:
        with pytest.raises(BadInput, match=rf"head {name}: unknown setting 'seeed', did you mean 'seed'"):
            heads.resolve_settings(name, {"seeed": "1"})

    def test_refuses_devices_that_are_none(self, name: str) -> None:
        with pytest.raises(BadInput, match="expected auto, cpu, cuda or cuda:N"):
            heads.resolve_settings(name, {"device": "gpu"})

    def test_gives_a_logit_per_class(self, name: str) -> None:
        head = made(name)
        logits = head.logits(torch.randn(7, DIM))
        assert logits.shape == (7, CLASSES)
        assert logits.dtype == torch.float32
        assert logits.isfinite().all()

    def test_is_the_same_after_saving_and_loading(self, name: str, tmp_path: Path) -> None:
        head = made(name)
        head.save(tmp_path / "head.safetensors")
        again = trained.load(tmp_path / "head.safetensors")
        x = torch.randn(7, DIM)
        assert torch.equal(again.logits(x), head.logits(x))
        assert (again.name, again.settings, again.dim, again.classes) == (name, head.settings, DIM, CLASSES)
        assert [path.name for path in tmp_path.iterdir()] == ["head.safetensors"]


def test_an_unknown_head_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown head 'linaer', did you mean 'linear'"):
        heads.find("linaer")


def test_a_file_that_is_no_head_is_named(tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    path.write_bytes(b"not a head")
    with pytest.raises(BadInput, match=r"head\.safetensors: not a head"):
        trained.load(path)
    with pytest.raises(BadInput, match="not a head"):
        trained.load(tmp_path / "missing")


def test_nn1_and_nn2_have_the_stated_layers() -> None:
    def shapes(name: str) -> list[tuple[int, ...]]:
        module = HEADS[name].build(DIM, CLASSES, heads.resolve_settings(name, {}))
        return [tuple(layer.weight.shape) for layer in module.modules() if isinstance(layer, torch.nn.Linear)]

    assert shapes("nn1") == [(512, DIM), (CLASSES, 512)]
    assert shapes("nn2") == [(1024, DIM), (512, 1024), (256, 512), (CLASSES, 256)]
    kinds = [
        type(layer).__name__ for layer in HEADS["nn2"].build(DIM, CLASSES, heads.resolve_settings("nn2", {})).children()
    ]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 3 + ["Linear"]


@pytest.mark.parametrize("name", CHOICES)
def test_every_transform_can_be_made_and_is_explained(name: str) -> None:
    setting = declared(HEADS["linear"].Settings)["transform"]
    assert name in setting.choices
    assert all(f"{part}: {TRANSFORMS[part].help}" in setting.help for part in name.split("+"))
    transforms.make(heads.resolve_settings("linear", {"transform": name}), DIM)


@pytest.mark.parametrize("setting", ["activation", "norm"])
def test_every_choice_of_mlp_can_be_built(setting: str) -> None:
    for choice in declared(HEADS["mlp"].Settings)[setting].choices:
        HEADS["mlp"].build(DIM, CLASSES, heads.resolve_settings("mlp", {"hidden": "4", setting: choice}))
