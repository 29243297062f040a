"""Make the README's picture, an SVG of the Train screen on the bundled digits: `make picture`."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

SIZE = (120, 34)


async def main(target: Path) -> None:
    """Train two heads on the bundled set and write what the Train screen shows of them to `target`."""
    os.environ["WORKBENCH_CONFIG_DIR"] = tempfile.mkdtemp()  # the picture shows no one's own keys and plugins
    from workbench import runs
    from workbench.cli.demo import lay_out
    from workbench.features.ingest import open_store
    from workbench.tui.app import WorkbenchApp
    from workbench.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(lay_out(Path(folder) / "digits"))
        store = open_store(workspace)
        for head, settings in (("nn1", {"epochs": 40}), ("linear", {"epochs": 40})):
            run = runs.create(workspace, store, head, settings)
            runs.start_sync(run)
            while runs.load(workspace, run.id).state not in ("finished", "failed"):
                await asyncio.sleep(0.2)
        app = WorkbenchApp(workspace)
        async with app.run_test(size=SIZE) as pilot:
            while not app.session.ready:
                await pilot.pause(0.1)
            await pilot.press("2")
            await pilot.pause(3)
            target.write_text(app.export_screenshot(title="workbench"), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main(Path(__file__).with_name("picture.svg")))
