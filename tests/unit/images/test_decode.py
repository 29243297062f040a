"""Image files that nobody has vouched for: which are opened, which are refused, and that none costs the program."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import stat
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from workbench.errors import BadInput
from workbench.images import child
from workbench.images.decode import FORMATS, MOST_BYTES, MOST_PIXELS, decode

EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 100 100
%%EndComments
{} loop
showpage
%%EOF
"""
OTHERS = ("EPS", "PDF", "PPM", "TGA", "ICO", "ICNS", "PCX", "SGI", "DDS", "JPEG2000", "IM", "MSP", "XBM")


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Image.Image:
    image = Image.new("RGB", size, (200, 40, 40))
    image.paste((40, 40, 200), (0, 0, size[0] // 2, size[1] // 2))
    return image.convert(mode)


def png(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises `width` by `height` pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def apart(path: Path | str, largest: int = 64) -> Image.Image:
    return asyncio.run(child.decode_apart(str(path), largest))


@pytest.fixture
def ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `gs` that comes first in PATH; the file that it writes when it is started."""
    marker, programs = tmp_path / "started", tmp_path / "bin"
    programs.mkdir()
    for name in ("gs", "gswin64c", "gswin32c"):
        (programs / name).write_text(f"#!/bin/sh\necho started >> '{marker}'\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return marker


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["picture", "picture.txt"])
def test_each_format_is_opened_by_its_content(tmp_path, kind, name):
    picture().save(tmp_path / name, kind)
    for found in (decode(tmp_path / name, 64), apart(tmp_path / name)):
        assert (found.mode, found.size) == ("RGB", (40, 30))
        assert np.abs(np.asarray(found, int)[25, 35] - (200, 40, 40)).max() < 12
        assert np.abs(np.asarray(found, int)[5, 5] - (40, 40, 200)).max() < 12


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg", "picture.eps"])
@pytest.mark.parametrize("preview", [False, True])
def test_postscript_starts_nothing_whatever_it_is_called(tmp_path, ghostscript, name, preview):
    dos = struct.pack("<4sIIIIIIH", b"\xc5\xd0\xd3\xc6", 32, len(EPS), 0, 0, 0, 0, 0xFFFF).ljust(32, b"\0")
    (tmp_path / name).write_bytes(dos + EPS if preview else EPS)
    with pytest.raises(Exception), Image.open(tmp_path / name) as opened:  # noqa: B017
        opened.load()
    ghostscript.unlink()  # Pillow left to itself starts it
    for reader in (lambda path: decode(path, 64), apart):
        with pytest.raises(BadInput, match=rf"{name}: not one of the supported image formats \(JPEG, PNG"):
            reader(tmp_path / name)
    assert not ghostscript.exists()


@pytest.mark.parametrize("kind", OTHERS)
def test_other_formats_are_refused(tmp_path, kind):
    Image.init()
    mode = {"MSP": "1", "XBM": "1"}.get(kind, "RGB")
    size = (32, 32) if kind in ("ICO", "ICNS") else (40, 30)
    try:
        picture(mode, size).save(tmp_path / "picture.png", kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow cannot write {kind}")
    with pytest.raises(BadInput, match=r"not one of the supported image formats|damaged"):
        decode(tmp_path / "picture.png", 64)


@pytest.mark.parametrize(
    "head",
    [
        b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 30, 40, 8, 3) + bytes(12),  # PSD
        b"\xd7\xcd\xc6\x9a\0\0" + bytes(200),  # WMF
        struct.pack("<IIiiiiiiii", 1, 108, 0, 0, 10, 10, 0, 0, 100, 100) + b" EMF" + bytes(200),
        b"SIMPLE  =                    T".ljust(2880),  # FITS
        b"GRIB" + bytes(200), b"\x89HDF\r\n\x1a\n" + bytes(200), b"BUFR" + bytes(200),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.4\n", b"P6 40 30 255\n" + bytes(3600), b"root:x:0:0\n",
    ],
)  # fmt: skip
def test_openings_of_other_formats_are_refused(tmp_path, head):
    (tmp_path / "picture.png").write_bytes(head)
    with pytest.raises(BadInput, match="not one of the supported image formats"):
        decode(tmp_path / "picture.png", 64)


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (10_001, 10_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_by_its_header(tmp_path, width, height):
    (tmp_path / "bomb.png").write_bytes(png(width, height))
    started = time.perf_counter()
    with pytest.raises(BadInput, match=rf"bomb\.png: .*limit of {MOST_PIXELS:,}"):
        decode(tmp_path / "bomb.png", 64)
    assert time.perf_counter() - started < 1


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
@pytest.mark.parametrize("settings_", [{"lossless": True}, {"quality": 1}, {"exif": b"Exif\0\0"}])
def test_a_webp_is_measured_before_pillow_opens_it(tmp_path, monkeypatch, settings_):
    from workbench.images import decode as module

    file = tmp_path / "a.webp"
    picture(size=(300, 200)).save(file, **settings_)
    monkeypatch.setattr(module, "MOST_PIXELS", 300 * 200)
    assert decode(file, 400).size == (300, 200)
    monkeypatch.setattr(module, "MOST_PIXELS", 300 * 200 - 1)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(BadInput, match="300 x 200 pixels, above the limit of 59,999"):
        decode(file, 400)


def test_a_large_file_is_refused_by_its_size(tmp_path):
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # a hole: takes no room
    with pytest.raises(BadInput, match=r"large\.png: 200 MB, above the limit of 200 MB"):
        decode(tmp_path / "large.png", 64)


def test_only_regular_files_are_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "fifo.png")
    (tmp_path / "empty.png").touch()
    opened = []
    monkeypatch.setattr(os, "open", lambda path, *_: opened.append(path))
    for path in (tmp_path / "fifo.png", tmp_path / "link.png", tmp_path, "/dev/zero", "/dev/tty"):
        with pytest.raises(BadInput, match=r"not a regular file|cannot be read"):
            decode(path, 64)
    assert not opened
    monkeypatch.undo()
    for path in (tmp_path / "empty.png", "/proc/self/maps"):
        if stat.S_ISREG(Path(path).stat().st_mode):
            with pytest.raises(BadInput, match="empty"):
                decode(path, 64)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "/" + "y/" * 3000, "\ud800", "\udcff.png", "", "/nowhere/a.png"])
def test_odd_paths_are_refused(path):
    for reader in (lambda path: decode(path, 64), apart):
        with pytest.raises(BadInput):
            reader(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path, kind, share):
    rng = np.random.default_rng(0)
    whole = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (60, 80, 3), np.uint8)).save(whole, kind)
    (tmp_path / "cut").write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    with pytest.raises(BadInput, match="cut: "):
        decode(tmp_path / "cut", 64)


@pytest.mark.parametrize("kind", FORMATS)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_give_a_picture_or_one_error(tmp_path, kind, data):
    whole = io.BytesIO()
    picture().save(whole, kind)
    damaged = bytearray(whole.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged").write_bytes(damaged)
    with contextlib.suppress(BadInput):
        found = decode(tmp_path / "damaged", 64)
        assert found.mode == "RGB"
        assert max(found.size) <= 64


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "group4", "jpeg", "packbits"])
def test_compressed_tiffs_are_opened(tmp_path, compression):
    if not features.check("libtiff"):
        pytest.skip("this Pillow has no libtiff")
    picture("1" if compression == "group4" else "RGB").save(tmp_path / "a.tif", compression=compression)
    assert decode(tmp_path / "a.tif", 64).size == (40, 30)


def test_a_tiff_whose_directories_go_in_a_circle_ends(tmp_path):
    whole = io.BytesIO()
    picture().save(whole, "TIFF")
    data = bytearray(whole.getvalue())
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    (tmp_path / "circle.tif").write_bytes(data)
    assert decode(tmp_path / "circle.tif", 64).size == (40, 30)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_is_taken(tmp_path, kind):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "moves", kind, save_all=True, append_images=frames[1:], duration=10)
    assert np.abs(np.asarray(decode(tmp_path / "moves", 64), int) - (255, 0, 0)).max() < 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_are_turned_upright(tmp_path, kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise puts it upright
    picture().save(tmp_path / "turned", kind, exif=exif)
    found = decode(tmp_path / "turned", 64)
    assert found.size == (30, 40)
    assert np.abs(np.asarray(found, int)[5, 25] - (40, 40, 200)).max() < 12


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16", "F", "I"])
def test_every_mode_becomes_rgb_of_bounded_size(tmp_path, mode):
    values = np.linspace(0, 60_000, 90 * 30).reshape(30, 90)
    if mode == "I;16":
        image = Image.fromarray(values.astype(np.uint16))
    elif mode in ("F", "I"):
        image = Image.fromarray(values.astype({"F": np.float32, "I": np.int32}[mode]))
    else:
        image = picture(mode, (90, 30))
    image.save(tmp_path / "a.tif")
    found = decode(tmp_path / "a.tif", 45)
    assert (found.mode, found.size) == ("RGB", (45, 15))
    if mode[0] in "IF":
        grey = np.asarray(found, int)[..., 0]
        assert grey[0].mean() < 16
        assert abs(grey[7].mean() - 127) < 16
        assert grey[-1].mean() > 239


def hang(*_: object) -> list[str]:
    return [sys.executable, "-c", "while True: pass"]


def test_a_decoder_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "SECONDS", 0.5)
    monkeypatch.setattr(child, "command", hang)
    with pytest.raises(BadInput, match=r"a\.png: decoding exceeded the time limit of 0\.5 s"):
        apart(tmp_path / "a.png")
    assert not [one for one in psutil.Process().children() if one.is_running() and one.status() != "zombie"]


def test_a_decoder_whose_caller_leaves_is_ended(monkeypatch):
    monkeypatch.setattr(child, "command", hang)

    async def leave() -> None:
        reading = asyncio.ensure_future(child.decode_apart("a.png", 64))
        while not psutil.Process().children():
            await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    started = time.perf_counter()
    asyncio.run(leave())
    assert time.perf_counter() - started < 5
    assert not [one for one in psutil.Process().children() if one.is_running() and one.status() != "zombie"]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os.abort()", "signal SIGABRT"),
        ("raise SystemExit(7)", "exit code 7"),
        ("pass", "exit code 0"),
        ("import sys; sys.stdout.buffer.write(bytes([0, 0, 0, 9, 0, 0, 0, 9, 1]))", "an incomplete picture"),
    ],
)
def test_a_decoder_that_dies_is_one_error(monkeypatch, code, why):
    monkeypatch.setattr(child, "command", lambda *_: [sys.executable, "-c", code])
    with pytest.raises(BadInput, match=rf"a\.png: .*{why}"):
        apart("a.png")


def test_modules_of_the_current_folder_do_not_run_in_the_child(tmp_path, monkeypatch):
    picture().save(tmp_path / "a.png", "PNG")
    for name in ("PIL", "zlib", "resource", "workbench"):
        (tmp_path / f"{name}.py").write_text("from pathlib import Path; Path('ran').touch()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep)
    assert apart("a.png").size == (40, 30)
    assert not (tmp_path / "ran").exists()


def test_the_child_limits_itself(tmp_path):
    script = (
        "import resource, sys; from workbench.images import child; sys.stdout = sys.stderr; "
        f"child.main([{str(tmp_path / 'none')!r}, '64']); "
        "print(resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU))"
    )
    import subprocess

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr
    assert str((child.MOST_MEMORY,) * 2) in told
    assert str((int(child.SECONDS) + 1,) * 2) in told
