"""Pictures made fit for the open web: nothing but pixels comes out, within bounds, the same each
time."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from crosspost import images
from crosspost.images import BadImage, Picture, clean, probe, variants

ALL = ("image/jpeg", "image/png", "image/webp", "image/gif")
PHONE = Path(__file__).parent / "golden/pictures/phone.heic"
"""480 × 320 pixels, to be turned by 90°; taken in Omsk, in the colours of a phone's screen."""
PHOTOS = sorted((Path(__file__).parents[1] / "examples/channel/photos").glob("*.jpg"))


def drawn(size: tuple[int, int] = (120, 80), mode: str = "RGB") -> Image.Image:
    """A picture whose four corners differ."""
    image = Image.new("RGB", size, "white")
    pen, (width, height) = ImageDraw.Draw(image), size
    pen.rectangle((0, 0, width // 2, height // 2), fill="red")
    pen.rectangle((width // 2, height // 2, width, height), fill="blue")
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size))
    return image if mode in ("RGB", "RGBA") else image.convert(mode)


def saved(path: Path, image: Image.Image, **how: Any) -> Path:
    image.save(path, **how)
    return path


def metadata(path: Path) -> set[str]:
    """What a file says beside its pixels."""
    with Image.open(path) as image:
        image.load()
        told = set(image.info) - {
            *("jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"),
            *("loop", "duration", "background", "version", "extension", "timestamp"),
            *("transparency", "disposal"),
        }
        return told | ({"exif"} if image.getexif() else set())


def with_secrets(path: Path, kind: str) -> Path:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "СЕКРЕТ", 1
    exif.get_ifd(0x8825)[2] = (54.0, 59.0, 7.0)
    how: dict[str, Any] = {"exif": exif}
    if kind == "JPEG":
        how |= {"comment": b"SECRET", "xmp": b"<x:xmpmeta>SECRET</x:xmpmeta>"}
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        how["pnginfo"] = PngInfo()
        how["pnginfo"].add_text("Comment", "SECRET")
    if kind == "GIF":
        how = {"comment": b"SECRET"}
    if kind == "WEBP":
        how["xmp"] = b"<x:xmpmeta>SECRET</x:xmpmeta>"
    return saved(path, drawn(), format=kind, **how)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_no_word_about_where_survives(tmp_path: Path, kind: str) -> None:
    path = with_secrets(tmp_path / f"a.{kind.lower()}", kind)
    if kind not in ("BMP", "TIFF"):
        assert metadata(path), "the test itself must have hidden something"
    made = clean(path, tmp_path / "out", types=ALL)
    assert metadata(made) == set()
    assert b"SECRET" not in made.read_bytes()
    for one in variants(made, tmp_path / "out", [40]):
        assert metadata(one.path) == set()


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG", "WEBP", "TIFF", "HEIC", "AVIF"])
@pytest.mark.parametrize("takes", [ALL, ("image/jpeg",)], ids=["all", "jpeg"])
def test_where_a_photo_was_taken_is_gone(tmp_path: Path, kind: str, takes: tuple[str, ...]) -> None:
    path = tmp_path / "a.bin"
    if kind == "HEIC":
        path.write_bytes(PHONE.read_bytes())
    else:
        exif = Image.Exif()
        exif[0x0112] = 6
        exif.get_ifd(0x8825).update({1: "N", 2: (54.0, 59.0, 7.0), 3: "E", 4: (73.0, 22.0, 6.0)})
        more: dict[str, Any] = (
            {"append_images": [drawn()], "save_all": True} if kind == "MPO" else {}
        )
        drawn().save(path, kind, exif=exif.tobytes(), **more)
    opened = images._opened(path)
    with opened as image:
        assert image.getexif().get_ifd(0x8825)[2] == (54.0, 59.0, 7.0), "the test has to hide it"
    made = clean(path, tmp_path / "out", types=takes)
    with Image.open(made) as image:
        assert not image.getexif().get_ifd(0x8825)
        assert not image.getexif()
        assert "xmp" not in image.info
    assert metadata(made) == set()


def test_what_a_phone_takes_becomes_what_every_browser_shows(tmp_path: Path) -> None:
    assert probe(PHONE) == Picture(mime="image/heic", width=320, height=480)
    made = clean(PHONE, tmp_path, types=ALL)
    assert made.suffix == ".jpg"
    assert probe(made) == Picture(mime="image/jpeg", width=320, height=480)
    with Image.open(made) as image:
        white, red, blue = (image.getpixel(at) for at in ((20, 20), (300, 20), (20, 460)))
    assert _near(white, (255, 255, 255))
    assert _near(red, (219, 37, 49)), "the colours of the phone's screen, in those of the web"
    assert _near(blue, (0, 0, 255), 30)
    assert [(one.width, one.height) for one in variants(made, tmp_path, [160])] == [(160, 240)]
    with Image.open(clean(PHONE, tmp_path, types=["image/png"], max_side=100)) as image:
        assert (image.format, image.size) == ("PNG", (67, 100))


def _near(pixel: Any, wanted: tuple[int, int, int], by: int = 8) -> bool:
    return all(abs(one - other) <= by for one, other in zip(_rgb(pixel), wanted, strict=True))


@pytest.mark.parametrize("cut", [12, 40, 700, 1500])
def test_a_phones_photo_cut_short_is_refused_with_a_reason(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a.heic").write_bytes(PHONE.read_bytes()[:cut])
    with pytest.raises(BadImage):
        clean(tmp_path / "a.heic", tmp_path / "out", types=ALL)


def test_a_phones_photo_of_too_many_pixels_is_refused_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(images._MOST, "HEIF", 320 * 480 - 1)
    with pytest.raises(BadImage, match="320 × 480 pixels"):
        clean(PHONE, tmp_path, types=ALL)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_comes_out_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.jpg", drawn(), exif=exif, quality=95)
    from PIL import ImageOps

    with Image.open(path) as given:
        expected = ImageOps.exif_transpose(given).convert("RGB")
    made = clean(path, tmp_path, types=ALL)
    with Image.open(made) as image:
        assert image.size == expected.size == (probe(path).width, probe(path).height)
        for corner in ((3, 3), (image.width - 4, 3), (3, image.height - 4)):
            pairs = zip(_rgb(image.getpixel(corner)), _rgb(expected.getpixel(corner)), strict=True)
            assert all(abs(one - other) < 40 for one, other in pairs)


def _rgb(pixel: Any) -> tuple[int, ...]:
    assert isinstance(pixel, tuple)
    return pixel


def test_a_small_jpeg_loses_next_to_nothing(tmp_path: Path) -> None:
    from PIL import ImageChops

    made = clean(PHOTOS[0], tmp_path, types=ALL)
    with Image.open(PHOTOS[0]) as before, Image.open(made) as after:
        assert before.size == after.size
        extremes = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getextrema()
    assert max(high for _, high in extremes if isinstance(high, int)) <= 24
    assert made.stat().st_size < PHOTOS[0].stat().st_size * 1.2


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    for number, path in enumerate(PHOTOS[:3]):
        first = clean(path, tmp_path / "one", types=ALL)
        copy = tmp_path / f"copy-{number}.jpg"
        copy.write_bytes(path.read_bytes())
        second = clean(copy, tmp_path / "two", types=ALL)
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes()


def test_no_side_is_longer_than_asked(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", drawn((3000, 30)))
    assert probe(clean(path, tmp_path, types=ALL, max_side=100)) == Picture(
        mime="image/png", width=100, height=1
    )


def test_variants_are_the_smaller_widths_only(tmp_path: Path) -> None:
    made = clean(saved(tmp_path / "a.jpg", drawn((500, 400))), tmp_path, types=ALL)
    found = variants(made, tmp_path, [320, 200, 500, 900])
    assert [(one.width, one.height) for one in found] == [(200, 160), (320, 256)]
    for one in found:
        assert (probe(one.path).width, probe(one.path).height) == (one.width, one.height)
        assert one.path.name == f"{made.stem}-{one.width}.jpg"


def test_transparency_survives_where_the_site_takes_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.webp", drawn(mode="RGBA"), lossless=True)
    kept = clean(path, tmp_path, types=ALL)
    with Image.open(kept) as image:
        assert (image.format, image.mode) == ("WEBP", "RGBA")
    flat = clean(path, tmp_path, types=["image/jpeg"])
    with Image.open(flat) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
    with Image.open(clean(path, tmp_path, types=["image/png"])) as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "RGBA", "F"])
def test_every_way_to_store_colours_is_understood(tmp_path: Path, mode: str) -> None:
    kind = {"CMYK": "JPEG", "F": "TIFF"}.get(mode, "PNG")
    image = drawn(mode="L").convert("I;16") if mode == "I;16" else drawn(mode=mode)
    made = clean(saved(tmp_path / f"a.{kind.lower()}", image, format=kind), tmp_path, types=ALL)
    with Image.open(made) as found:
        assert found.size == (120, 80)
        assert found.mode in ("RGB", "RGBA", "L", "P", "1")


def phone_colours() -> bytes:
    """Display P3, the colours of a phone's screen (https://www.color.org/chardata/rgb/DisplayP3.xalter),
    as a profile (ICC.1:2010)."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    name = b"a phone's\0"
    named = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(79)
    white = (0.9642, 1.0, 0.8249)
    tags = {
        b"desc": named + bytes(-len(named) % 4),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(*white),
        b"rXYZ": b"XYZ \0\0\0\0" + fixed(0.5151, 0.2412, -0.0011),
        b"gXYZ": b"XYZ \0\0\0\0" + fixed(0.2920, 0.6922, 0.0419),
        b"bXYZ": b"XYZ \0\0\0\0" + fixed(0.1571, 0.0666, 0.7841),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    at, table, data = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for key, value in tags.items():
        table += key + struct.pack(">II", at + len(data), len(value))
        data += value
    head = struct.pack(">I", 128 + len(table) + len(data)) + bytes(4)
    head += b"\x02\x10\0\0mntrRGB XYZ " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    head += b"acsp" + bytes(28) + fixed(*white)
    return head + bytes(128 - len(head)) + table + data


@pytest.mark.parametrize(("mode", "suffix"), [("RGB", "jpg"), ("RGBA", "png"), ("RGB", "webp")])
def test_the_colours_of_a_phone_are_those_that_a_person_saw(
    tmp_path: Path, mode: str, suffix: str
) -> None:
    image = Image.new(mode, (64, 48), (200, 60, 60, 128)[: len(mode)])
    path = saved(tmp_path / f"a.{suffix}", image, icc_profile=phone_colours(), quality=95)
    with Image.open(clean(path, tmp_path / "out", types=ALL)) as found:
        pixel = _rgb(found.getpixel((30, 20)))
    assert _near(pixel[:3], (219, 37, 49))
    assert pixel[3:] == ((128,) if mode == "RGBA" else ())


def test_a_foreign_colour_profile_becomes_srgb(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    odd = lab.replace(b"sRGB", b"oddR")
    for name, profile in (("same", lab), ("odd", odd), ("broken", b"no profile at all")):
        path = saved(tmp_path / f"{name}.jpg", drawn(), icc_profile=profile, quality=95)
        assert "icc_profile" not in metadata(clean(path, tmp_path, types=ALL))


def moving(path: Path, frames: int = 3, size: tuple[int, int] = (60, 40)) -> Path:
    pictures = [Image.new("RGB", size, (80 * number % 256, 0, 0)) for number in range(frames)]
    return saved(path, pictures[0], save_all=True, append_images=pictures[1:], duration=70, loop=0)


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_an_animation_stays_one(tmp_path: Path, suffix: str) -> None:
    path = moving(tmp_path / f"a.{suffix}")
    made = clean(path, tmp_path / "out", types=ALL)
    assert probe(made).frames == probe(path).frames == 3
    assert variants(made, tmp_path, [20]) == []


def test_an_animation_is_a_still_where_the_site_takes_none(tmp_path: Path) -> None:
    made = clean(moving(tmp_path / "a.gif"), tmp_path / "out", types=["image/jpeg", "image/png"])
    assert probe(made).frames == 1


# --- Hostile files ----------------------------------------------------------------------------


def bomb(path: Path, side: int) -> Path:
    """A PNG of a few kilobytes that unpacks to ``side`` × ``side`` pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    whole = chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + whole)
    return path


def test_a_picture_that_unpacks_without_end_is_refused_unopened(tmp_path: Path) -> None:
    path = bomb(tmp_path / "a.png", 12_000)
    assert path.stat().st_size < 100_000
    for act in (lambda: probe(path), lambda: clean(path, tmp_path / "out", types=ALL)):
        with pytest.raises(BadImage, match="pixels"):
            act()
    assert not (tmp_path / "out").exists()


def test_an_animation_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_FRAME_PIXELS", 60 * 40 * 39)
    path = moving(tmp_path / "a.gif", 40)
    with pytest.raises(BadImage, match="40 frames"):
        clean(path, tmp_path, types=ALL)


def test_a_file_too_large_to_be_a_picture_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(images.MAX_BYTES + 1)
    with pytest.raises(BadImage, match="more than the 67,108,864 allowed"):
        probe(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.4",
        b"\xff\xd8\xff" * 9,
    ],
)
def test_what_is_no_picture_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(BadImage):
        clean(tmp_path / "a.jpg", tmp_path, types=ALL)


def test_a_program_among_the_formats_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(BadImage, match="not a picture"):
        probe(tmp_path / "a.eps")


def test_a_photo_cut_in_half_is_refused_with_a_reason(tmp_path: Path) -> None:
    data = PHOTOS[0].read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadImage, match="damaged"):
        clean(tmp_path / "a.jpg", tmp_path / "out", types=ALL)


def test_a_site_without_picture_formats_gets_a_reason(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match="takes no picture format"):
        clean(PHOTOS[0], tmp_path, types=["image/avif"])


def test_the_disks_trouble_is_not_the_pictures(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        probe(tmp_path / "absent.jpg")


SEEDS: dict[str, bytes] = {}
for _kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"):
    _buffer = io.BytesIO()
    drawn((24, 16)).save(_buffer, _kind)
    SEEDS[_kind] = _buffer.getvalue()
SEEDS["HEIC"] = PHONE.read_bytes()


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(sorted(SEEDS)),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 200),
)
def test_changed_bytes_end_in_a_picture_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[int, int]], cut: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    data = bytearray(SEEDS[kind])
    for place, value in changes:
        data[place % len(data)] = value
    path = folder / "a.bin"
    path.write_bytes(data[: len(data) - cut] if cut < len(data) else data)
    try:
        made = clean(path, folder / "out", types=ALL)
    except BadImage:
        return
    assert metadata(made) == set()
    variants(made, folder / "out", [10])
