"""Image files as RGB pictures. A file that comes with a downloaded workspace is input: it may be anything.

Only six formats are opened, whatever the file is called: Pillow hands others to programs outside (EPS to Ghostscript)
or decodes them with code that few have looked at. `decode` may hang or take memory all the same, in the library of a
format; `workbench.images.child` gives it a process that can be ended.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from workbench.errors import BadInput

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MOST_BYTES = 200_000_000
MOST_PIXELS = 100_000_000


def decode(path: str | os.PathLike[str], largest: int) -> PilImage:
    """The picture in a file: its first frame, turned upright as its EXIF data say, in mode RGB.

    It is shrunk, keeping its proportions, where a side has more than `largest` pixels. The number of pixels is read
    from the header, before anything is decoded. Raises BadInput, naming the file, for what is no regular file, has more
    than `MOST_BYTES` bytes or `MOST_PIXELS` pixels, is in none of `FORMATS`, or is damaged.
    """
    try:
        with _open(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on odd metadata; what matters is an error
            return _decode(file, largest)
    except _Refused as error:
        raise BadInput(f"{os.fspath(path)}: {error}") from None
    except MemoryError:
        raise BadInput(f"{os.fspath(path)}: not enough memory to decode it") from None
    except OSError as error:
        raise BadInput(f"{os.fspath(path)}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # noqa: BLE001 - damaged files raise whatever a decoder ran into
        raise BadInput(f"{os.fspath(path)}: damaged ({type(error).__name__}: {error})") from None


class _Refused(Exception):  # noqa: N818 - reads as what happened
    """A file that is not decoded, and why."""


def _open(path: str | os.PathLike[str]) -> BinaryIO:
    try:
        known = Path(path).stat()  # before it is opened: opening a FIFO waits, opening a device may do anything
        if not stat.S_ISREG(known.st_mode):
            raise _Refused("not a regular file")
        file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: PTH123, SIM115
    except ValueError:  # a NUL byte, or a character that no file name holds
        raise _Refused("not a valid file name") from None
    size = os.fstat(file.fileno())
    why = ""
    if not stat.S_ISREG(size.st_mode):
        why = "not a regular file"
    elif size.st_size == 0:  # so do all files under /proc say of themselves
        why = "empty"
    elif size.st_size > MOST_BYTES:
        why = f"{size.st_size / 1e6:,.0f} MB, above the limit of {MOST_BYTES / 1e6:,.0f} MB"
    if why:
        file.close()
        raise _Refused(why)
    return file


def _decode(file: BinaryIO, largest: int) -> PilImage:
    # Imported by name, so that Pillow need not import every plugin it has in search of them.
    from PIL import (
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        UnidentifiedImageError,
        WebPImagePlugin,
    )
    from PIL.Image import DecompressionBombError
    from PIL.Image import open as open_image
    from PIL.ImageOps import exif_transpose

    del BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
    _check_pixels(_size_of_webp(file))
    try:
        image = open_image(file, formats=FORMATS)
    except UnidentifiedImageError:
        raise _Refused(f"not one of the supported image formats ({', '.join(FORMATS)})") from None
    except DecompressionBombError:  # Pillow's own limit, above this one
        raise _Refused(f"more pixels than the limit of {MOST_PIXELS:,}") from None
    with image:
        _check_pixels(image.size)
        image.draft("RGB", (largest, largest))  # a JPEG can be decoded at a fraction of its size
        picture: PilImage = _eight_bits(image)
        picture.thumbnail((largest, largest))
        with contextlib.suppress(Exception):  # broken EXIF data cost no picture
            exif_transpose(picture, in_place=True)
        return picture.convert("RGB")


def _check_pixels(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise _Refused(f"{width:,} x {height:,} pixels, above the limit of {MOST_PIXELS:,}")


def _size_of_webp(file: BinaryIO) -> tuple[int, int]:
    """Width and height of a WebP file, 0 x 0 for any other: Pillow makes room for its pixels when it opens one."""
    head = file.read(30)
    file.seek(0)
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return 0, 0
    match head[12:16]:
        case b"VP8X":
            return (
                int.from_bytes(head[24:27], "little") + 1,
                int.from_bytes(head[27:30], "little") + 1,
            )
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            width, height = struct.unpack("<HH", head[26:30])
            return width & 0x3FFF, height & 0x3FFF


def _eight_bits(image: PilImage) -> PilImage:
    """Grey values of 16 or 32 bits brought to 0 to 255 (converting clips them, to white); other images as they are."""
    if image.mode[0] not in "IF":
        return image
    wide = image.convert("F")
    low, high = wide.getextrema()
    assert isinstance(low, float) and isinstance(high, float)  # noqa: PT018 - one band
    scale = 255 / (high - low) if high > low else 0.0
    return wide.point(lambda value: value * scale + -low * scale).convert("L")
