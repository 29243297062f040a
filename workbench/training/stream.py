"""Features that do not fit the device, copied to it buffer by buffer in the background of training."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

READERS = min(8, os.cpu_count() or 1)
PART = 1024  # rows that one reader copies at a time


class Stream:
    """Buffers of rows of `features` [N, D] on `device`, one of which is filled while another is used.

    On a GPU the rows pass through two pinned buffers and a CUDA stream of their own, in the dtype of the store.
    """

    def __init__(self, features: np.ndarray, device: torch.device) -> None:
        self._features, self._device = features, device
        self._cuda = device.type == "cuda"

    def buffers(self, rows: list[np.ndarray]) -> Iterator[Tensor]:
        """For each array of row numbers int64 [m] a float32 tensor [m, D] on the device, in that order of rows."""
        ready: queue.Queue[Tensor | BaseException | None] = queue.Queue(maxsize=1)
        leave = threading.Event()
        thread = threading.Thread(target=self._fill, args=(rows, ready, leave), name="features", daemon=True)
        thread.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                if self._cuda:
                    item.record_stream(torch.cuda.current_stream(self._device))
                yield item.float()
        finally:
            leave.set()
            while thread.is_alive():  # it may be waiting to hand over a buffer that is no longer needed
                try:
                    ready.get(timeout=0.02)
                except queue.Empty:
                    continue
            thread.join()

    def _fill(
        self, rows: list[np.ndarray], ready: queue.Queue[Tensor | BaseException | None], leave: threading.Event
    ) -> None:
        try:
            most = max((len(some) for some in rows), default=0)
            pinned = [self._host(most) for _ in range(2)] if self._cuda else []
            copied: list[torch.cuda.Event | None] = [None, None]
            with ThreadPoolExecutor(READERS) as pool:
                for index, some in enumerate(rows):
                    if leave.is_set():
                        return
                    if not self._cuda:
                        ready.put(self._read(pool, some, self._host(len(some))))
                        continue
                    if (event := copied[index % 2]) is not None:
                        event.synchronize()
                    tensor, copied[index % 2] = self._send(self._read(pool, some, pinned[index % 2]))
                    ready.put(tensor)
            ready.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the buffers are used
            ready.put(error)

    def _host(self, rows: int) -> Tensor:
        dtype = torch.from_numpy(np.empty(0, self._features.dtype)).dtype
        return torch.empty(rows, self._features.shape[1], dtype=dtype, pin_memory=self._cuda)

    def _read(self, pool: ThreadPoolExecutor, rows: np.ndarray, into: Tensor) -> Tensor:
        into = into[: len(rows)]
        out = into.numpy()

        def part(start: int) -> None:
            # numpy releases the interpreter lock here; "clip" avoids a buffer, and no row number is out of range
            np.take(self._features, rows[start : start + PART], axis=0, out=out[start : start + PART], mode="clip")

        list(pool.map(part, range(0, len(rows), PART)))
        return into

    def _send(self, host: Tensor) -> tuple[Tensor, torch.cuda.Event]:
        stream = self._side()
        with torch.cuda.stream(stream):
            tensor = host.to(self._device, non_blocking=True)
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(stream)
        # so that the tensor is complete when it is used
        event.synchronize()
        return tensor, event

    def _side(self) -> torch.cuda.Stream:
        if not hasattr(self, "_stream"):
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        return self._stream
