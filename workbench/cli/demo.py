"""`workbench demo`: the interface on the bundled digits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FILES = ("train.csv", "test1.csv", "test2.csv", "classes.txt")
MARK = ".workbench-demo"  # in a folder whose files the demo may bring up to date
SIZE = 64  # side length in pixels: 8 x 8 would be too small to see


def command(
    demo_folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="DIR", help="folder for the bundled data set (default: the user's data folder)"
        ),
    ] = None,
) -> None:
    """Open the terminal interface on the bundled data set: digits whose second test set was written by other people."""
    from workbench.cli.open import run
    from workbench.workspace import Workspace

    run(Workspace.open(lay_out(demo_folder)))


def lay_out(folder: Path | None = None) -> Path:
    """Copy the bundled set into `folder`, with an image of each sample, unless it is there; the folder."""
    import shutil

    from workbench.errors import BadInput
    from workbench.workspace import shipped

    own = folder is None
    if folder is None:
        import platformdirs

        folder = Path(platformdirs.user_data_dir("workbench")) / "demo"
    source = shipped("data")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        differing = [name for name in FILES if _differs(folder / name, source / name)]
        if differing and not own and not (folder / MARK).exists():
            raise BadInput(
                f"{folder / differing[0]}: already exists and differs from the bundled data set; "
                "choose an empty folder with --folder DIR"
            )
        (folder / MARK).touch()
        for name in FILES:
            if name in differing or not (folder / name).exists():
                shutil.copyfile(source / name, folder / name)
        if not (folder / "images").is_dir():
            _draw_images(folder)
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot write to the folder ({error.strerror}); choose another with --folder DIR"
        ) from None
    return folder


def _differs(file: Path, bundled: Path) -> bool:
    return file.exists() and file.read_bytes() != bundled.read_bytes()


def _draw_images(folder: Path) -> None:
    """An image for each sample, from its features, which are the pixels (0 to 16, bright is ink)."""
    import csv
    import shutil

    from PIL import Image

    beside = folder / ".images-partial"
    shutil.rmtree(beside, ignore_errors=True)
    for name in FILES[:3]:
        with (folder / name).open(newline="", encoding="utf-8") as handle:
            rows = csv.reader(handle)
            next(rows)
            for path, _label, *pixels in rows:
                target = beside / path
                target.parent.mkdir(parents=True, exist_ok=True)
                image = Image.frombytes("L", (8, 8), bytes(round(int(pixel) * 255 / 16) for pixel in pixels))
                image.resize((SIZE, SIZE), Image.Resampling.NEAREST).save(target)
    beside.rename(folder / "images")
