"""How busy the machine is: processor, memory, temperature, and the same of its GPUs. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.text import Text

from workbench.present.colours import Palette
from workbench.present.terminal import clean

INTERVAL = 2.0  # seconds between two looks
HOT = 88.0  # degrees Celsius from which on the temperature is told as a warning
GB = 1e9


@dataclass(frozen=True)
class Load:
    """How busy one device is: `use` from 0 to 1, memory in bytes, temperature in degrees Celsius where it is told."""

    name: str
    use: float | None
    memory: int
    memory_of: int
    temperature: float | None = None


@dataclass(frozen=True)
class Usage:
    """How busy the machine is; the busiest GPU speaks for all."""

    cpu: Load
    gpu: Load | None = None


class Sampler:
    """Looks at the machine; made and called in one thread at a time, off the one that paints."""

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._gpus = _gpu_handles()
        psutil.cpu_percent(None)  # the first answer counts from the start of the machine

    def look(self) -> Usage:
        """The use since the last look."""
        memory = self._psutil.virtual_memory()
        use = self._psutil.cpu_percent(None) / 100
        cpu = Load("cpu", use, memory.total - memory.available, memory.total, self._temperature())
        loads = [_gpu_load(f"gpu {place}" if len(self._gpus) > 1 else "gpu", handle)
                 for place, handle in enumerate(self._gpus)]  # fmt: skip
        return Usage(cpu, max(loads, key=lambda load: (load.use or 0.0, load.memory), default=None))

    def _temperature(self) -> float | None:
        """Of the hottest sensor that belongs to the processor; None where the system has none (and on macOS)."""
        sensors: dict[str, Any] = getattr(self._psutil, "sensors_temperatures", dict)()
        known = [part.current for name in ("coretemp", "k10temp", "zenpower", "cpu_thermal") for part in
                 sensors.get(name, ()) if part.current]  # fmt: skip
        return max(known, default=None)


def _gpu_handles() -> list[Any]:
    """NVML's handles of all GPUs; empty where there is no driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return [pynvml.nvmlDeviceGetHandleByIndex(place) for place in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # noqa: BLE001 - NVML's own errors derive from Exception alone, and no GPU is the usual case
        return []


def _gpu_load(name: str, handle: Any) -> Load:
    import pynvml

    def value(ask: Any, *more: Any) -> Any:
        try:
            return ask(handle, *more)
        except pynvml.NVMLError:  # some cards, and parts of shared ones, do not tell everything
            return None

    use, memory = value(pynvml.nvmlDeviceGetUtilizationRates), value(pynvml.nvmlDeviceGetMemoryInfo)
    temperature = value(pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU)
    return Load(
        name,
        None if use is None else use.gpu / 100,
        int(memory.used) if memory else 0,
        int(memory.total) if memory else 0,
        None if temperature is None else float(temperature),
    )


def usage_text(usage: Usage, palette: Palette, *, long: bool) -> Text:
    """`gpu 93 % 54 °C  cpu 12 %`, and how much memory if `long`."""
    text = Text(no_wrap=True)
    for load in (usage.gpu, usage.cpu):
        if load is None:
            continue
        text.append("  " if text else "")
        text.append(f"{clean(load.name)} ", style=palette.muted)
        share = "–" if load.use is None else f"{load.use:.0%}".replace("%", " %")
        text.append(share, style=palette.text)
        if long and load.memory_of:
            text.append(f"  {_memory(load)}", style=palette.muted)
        if load.temperature is not None and (long or load is usage.gpu):
            hot = load.temperature >= HOT
            style = f"bold {palette.severities['warning']}" if hot else palette.muted
            text.append(f"  {load.temperature:.0f} °C{' hot' if hot else ''}", style=style)
    return text


def _memory(load: Load) -> str:
    digits = 0 if load.memory_of >= 100 * GB else 1
    return f"{load.memory / GB:.{digits}f} of {load.memory_of / GB:.0f} GB"
