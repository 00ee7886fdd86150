"""Pictures made fit for the open web: bounded, upright, in sRGB, and without a word about where.

    probe     what a file is, without decoding it
    clean     a re-encoded copy that holds pixels and nothing else (no EXIF, GPS, XMP, comments)
    variants  the same picture in smaller widths, for ``srcset``

Everything is decoded by Pillow from an allowlist of formats (SVG is a program, not a picture) and
within bounds on bytes, pixels and frames, since a picture in a post may be crafted. The output is
a pure function of the input: the same file gives the same bytes.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import file_digest
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crosspost.model import Record

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
"""Of a picture that is decoded in full before it is made smaller, at four bytes a pixel and up to
three times over: half a gigabyte. A hostile PNG of that size is a few kilobytes."""
MAX_JPEG_PIXELS: Final = 80_000_000
"""A JPEG is decoded in the size that is needed."""
MAX_HEIC_PIXELS: Final = 50_000_000
"""What the largest phones take, in three bytes a pixel."""
_MOST: Final = {"JPEG": MAX_JPEG_PIXELS, "MPO": MAX_JPEG_PIXELS, "HEIF": MAX_HEIC_PIXELS}
MAX_FRAME_PIXELS: Final = 60_000_000
"""All frames of an animation together: they are held in memory at once."""
MAX_FRAMES: Final = 2_000
"""Each costs memory of its own, however small it is."""

FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
_MIMES: Final = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # what phones write: a JPEG with a second one behind it
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "HEIF": "image/heic",
    "AVIF": "image/avif",
}
_BRANDS: Final = {
    b"heic": "HEIF", b"heix": "HEIF", b"heim": "HEIF", b"heis": "HEIF", b"hevc": "HEIF",
    b"mif1": "HEIF", b"msf1": "HEIF", b"avif": "AVIF", b"avis": "AVIF",
}  # fmt: skip
"""The formats that call themselves by a brand in an ISO file: https://mp4ra.org/registered-types/brands"""
_TAKEN: Final = "JPEG, PNG, GIF, WebP, HEIC, AVIF, BMP, TIFF"
_SUFFIXES: Final = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp"}
_AT_ONCE: Final = 4
_UPRIGHT: Final = frozenset({0, 1, None})


class BadImage(Exception):
    """This picture cannot be used; the text is a clause that says why."""


class Picture(Record, frozen=True):
    """What a picture file is. ``mime`` is read from its content, ``width`` and ``height`` are in
    pixels as a person sees it (after its orientation is applied), ``frames`` is 1 for a still."""

    mime: str
    width: int
    height: int
    frames: int = 1


class Sized(Record, frozen=True):
    """A picture file of ours and its size in pixels."""

    path: Path
    width: int
    height: int


def probe(path: Path) -> Picture:
    """What the picture at ``path`` is, read from its header. Raises ``BadImage``."""
    with _opened(path) as image:
        turned = _orientation(image) in (5, 6, 7, 8)
        width, height = reversed(image.size) if turned else image.size
        return Picture(
            mime=_MIMES[image.format or ""],
            width=width,
            height=height,
            frames=getattr(image, "n_frames", 1) if image.format in ("GIF", "WEBP") else 1,
        )


def clean(path: Path, folder: Path, *, types: Iterable[str], max_side: int = 2560) -> Path:
    """A copy of the picture in ``folder`` that holds its pixels and nothing else.

    Named after the content's hash; upright, in sRGB, no side longer than ``max_side`` pixels;
    its own format where ``types`` (MIME types) has it, else one that keeps its transparency. An
    animation stays one. A JPEG that needs no change keeps its quantization tables, so next to
    nothing is lost. Raises ``BadImage``, and ``OSError`` when the copy cannot be written.
    """
    with path.open("rb") as file:
        name = file_digest(file, "sha256").hexdigest()[:32]
    with _opened(path) as image:
        source = image.format or ""
        animated = source in ("GIF", "WEBP") and getattr(image, "n_frames", 1) > 1
        if animated and _MIMES[source] in types:
            target = folder / f"{name}.{_SUFFIXES[source]}"
            with _decoding(path):
                _save_frames(image, target, max_side)
            return target
        with _decoding(path):
            ready, tables = _ready(image, max_side)
    kind = _format_for(source, ready, frozenset(types))
    target = folder / f"{name}.{_SUFFIXES[kind]}"
    with _decoding(path):  # what a crafted file says about itself may not be writable
        _save(ready, target, kind, tables)
    return target


def variants(path: Path, folder: Path, widths: Iterable[int]) -> list[Sized]:
    """The clean still picture at ``path`` in each of ``widths`` that is smaller than it.

    Files are ``<stem>-<width>.<ext>`` in ``folder``; an opaque photo becomes JPEG, what has
    transparency or a palette keeps its format. An animation has none. Raises ``BadImage``.
    """
    from concurrent.futures import ThreadPoolExecutor

    with _opened(path) as image, _decoding(path):
        if getattr(image, "n_frames", 1) > 1:
            return []
        image.load()
        full, source = image.copy(), image.format or ""
    flat = full.mode in ("RGB", "L")
    kind = "JPEG" if flat and source != "GIF" else "WEBP" if source == "WEBP" else "PNG"

    def smaller(width: int) -> Sized:
        height = max(1, round(full.height * width / full.width))
        target = folder / f"{path.stem}-{width}.{_SUFFIXES[kind]}"
        _save(_resized(full, (width, height)), target, kind, {})
        return Sized(path=target, width=width, height=height)

    wanted = sorted(width for width in set(widths) if width < full.width)
    if len(wanted) < 2:
        return [smaller(width) for width in wanted]
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # Pillow resizes and writes on every core
        return list(pool.map(smaller, wanted))


# --- Reading, within bounds -------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator["Image"]:
    import warnings

    from PIL import Image

    size = path.stat().st_size
    if size > MAX_BYTES:
        raise BadImage(f"the picture has {size:,} bytes, more than the {MAX_BYTES:,} allowed")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)  # damaged EXIF: it is dropped anyway
        with _decoding(path):
            image = Image.open(path, formats=_formats(path))
        with image:
            with _decoding(path):
                frames = getattr(image, "n_frames", 1) if image.format in ("GIF", "WEBP") else 1
            pixels = image.width * image.height
            moving = frames > MAX_FRAMES or (frames > 1 and pixels * frames > MAX_FRAME_PIXELS)
            if pixels > _MOST.get(image.format or "", MAX_PIXELS) or moving:
                raise BadImage(_too_large(image.width, image.height, frames))
            yield image


def _formats(path: Path) -> tuple[str, ...]:
    """The formats the file may be decoded as: one of those every Pillow has, else what it says of
    itself. A phone's HEIC is turned upright by its decoder
    (https://pi-heif.readthedocs.io/en/latest/)."""
    with path.open("rb") as file:
        head = file.read(12)
    kind = _BRANDS.get(head[8:]) if head[4:8] == b"ftyp" else None
    if kind == "HEIF":
        from pi_heif import register_heif_opener  # type: ignore[import-untyped]

        register_heif_opener(thumbnails=False)
    return (kind,) if kind else FORMATS


def _orientation(image: "Image") -> int | None:
    """The orientation that the EXIF tells; damaged EXIF tells none."""
    try:
        turned: int | None = image.getexif().get(0x0112)
    except Exception:  # it is parsed as a file of its own, and fails in as many ways
        return None
    return turned


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage("the picture unpacks to more pixels than a page can use") from error
    except UnidentifiedImageError as error:
        raise BadImage(f"the file is not a picture ({_TAKEN})") from error
    except BadImage:
        raise
    except Exception as error:  # decoders fail in any way on crafted files
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's trouble, not the picture's
        raise BadImage("the picture is damaged and cannot be decoded") from error


def _too_large(width: int, height: int, frames: int) -> str:
    shown = f"{width} × {height} pixels" + (f" in {frames} frames" if frames > 1 else "")
    return f"the picture has {shown}, more than a page can use"


# --- Pixels -----------------------------------------------------------------------------------


def _ready(image: "Image", max_side: int) -> tuple["Image", dict[str, Any]]:
    """The pixels, and the JPEG tables to write them with if they are the very ones of a JPEG."""
    from PIL import ImageOps
    from PIL.JpegImagePlugin import get_sampling

    if max(image.size) > 2 * max_side:
        image.draft(image.mode, (max_side, max_side))
    first = image.size
    oriented = _orientation(image) not in _UPRIGHT
    image.load()
    pixels = _plain_mode(_to_srgb(ImageOps.exif_transpose(image) if oriented else image))
    if max(pixels.size) > max_side:
        scale = max_side / max(pixels.size)
        pixels = _resized(pixels, (round(pixels.width * scale), round(pixels.height * scale)))
    if pixels is not image:
        return pixels, {}
    tables = getattr(image, "quantization", None)
    sampling = get_sampling(image) if tables and first == image.size else -1
    same = sampling != -1 and image.mode == "RGB"
    return image.copy(), {"qtables": tables, "subsampling": sampling} if same else {}


def _to_srgb(image: "Image") -> "Image":
    """Colours as sRGB; a profile that says nothing usable is dropped."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "L", "CMYK"):
        return image
    from PIL import ImageCms

    try:
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(given):
            return image
        colours = image.convert("RGB") if image.mode == "RGBA" else image
        mode = "L" if image.mode == "L" else "RGB"
        if mode == "L":
            return image
        done = ImageCms.profileToProfile(
            colours, given, ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, ValueError, TypeError, OSError):
        return image
    if done is None:
        return image
    if image.mode == "RGBA":
        done.putalpha(image.getchannel("A"))
    return done


def _plain_mode(image: "Image") -> "Image":
    """RGB, RGBA, L or an opaque palette: what every format and browser takes."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "P" and "transparency" not in image.info:
        return image
    if image.mode in ("RGB", "L", "RGBA") and "transparency" not in image.info:
        return image
    clear = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if clear else "RGB")


def _resized(image: "Image", size: tuple[int, int]) -> "Image":
    from PIL import Image

    if image.mode == "P":
        image = image.convert("RGB")
    return image.resize((max(1, size[0]), max(1, size[1])), Image.Resampling.LANCZOS)


# --- Writing ----------------------------------------------------------------------------------


def _format_for(source: str, image: "Image", types: frozenset[str]) -> str:
    own = "JPEG" if source == "MPO" else source
    clear = image.mode == "RGBA"
    wanted = [own] if own in _SUFFIXES and not (clear and own in ("JPEG", "GIF")) else []
    if source == "GIF" and clear:
        wanted = ["GIF"]
    wanted += ["PNG", "WEBP", "GIF", "JPEG"] if clear else ["JPEG", "PNG", "WEBP", "GIF"]
    for kind in wanted:
        if _MIMES[kind] in types:
            return kind
    raise BadImage("the site takes no picture format that this one could be turned into")


def _save(image: "Image", target: Path, kind: str, tables: dict[str, Any]) -> None:
    """Writes an image of ours, which loses what it says beside its pixels."""
    options: dict[str, Any] = {}
    if kind == "JPEG":
        image = _opaque(image)
        options = {"optimize": True, "progressive": True, **(tables or {"quality": 85})}
    elif kind == "WEBP":
        options = {"quality": 88, "method": 4}
    image.info = {}
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, kind, **options)


def _opaque(image: "Image") -> "Image":
    from PIL import Image

    if image.mode == "RGBA":
        paper = Image.new("RGB", image.size, "white")
        paper.paste(image, mask=image.getchannel("A"))
        return paper
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _save_frames(image: "Image", target: Path, max_side: int) -> None:
    from PIL import ImageSequence

    scale = min(1.0, max_side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    frames, durations = [], []
    for frame in ImageSequence.Iterator(image):
        still = frame.convert("RGBA")
        durations.append(int(frame.info.get("duration") or 100))
        frames.append(still if scale == 1.0 else _resized(still, size))
        frames[-1].info = {}
    loop = int(image.info.get("loop", 0))
    target.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(
        target,
        image.format,
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=loop,
        **({"disposal": 2} if image.format == "GIF" else {"quality": 80}),
    )
