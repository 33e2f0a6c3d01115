"""Which channels, parts and pictures of a file are the picture, and which others a frame keeps."""

import io

import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import rgb_channels, write_exr

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.picture_layer import choose_layer
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.write import write_frame


def layers(*names: str, components: str = "RGB") -> list[str]:
    return [f"{name}.{c}" if name else c for name in names for c in components]


@pytest.mark.parametrize(
    ("channels", "chosen"),
    [
        (layers("AO", "rgba"), "rgba"),
        (layers("AO", "beauty", "diffuse"), "beauty"),
        (layers("AO", "C"), "C"),
        (layers("Ci", components="rgb") + layers("AO"), "Ci"),
        (layers("View.AO", "View.Combined", components="RGBA"), "View.Combined"),
        ([*layers("ao"), "beauty.red", "beauty.green", "beauty.blue"], "beauty"),
        (layers("zebra", "apple"), "zebra"),  # in the order of the file
        (layers("CryptoObject00", "N_normal", "spec"), "spec"),
        (layers("AO", ""), ""),
        (layers("", components="rgb") + layers("AO"), ""),
        (["Z"], ""),
    ],
)
def test_the_picture_is_the_layer_with_a_usual_name(channels, chosen):
    layer, notes = choose_layer(channels, "", "plate.exr")
    assert layer.name == chosen
    assert bool(notes) == bool(chosen) and all(f"layer {chosen}" in note for note in notes)


def test_a_layer_is_chosen_by_name():
    channels = layers("", "diffuse", "left.beauty")
    for wanted, chosen in (("diffuse", "diffuse"), ("DIFFUSE", "diffuse"), ("rgba", ""), ("main", "")):
        assert choose_layer(channels, wanted, "p.exr", "main")[0].name == chosen
    with pytest.raises(FrameError, match=r"p\.exr: no layer 'spec'; its layers are rgba, diffuse, left\.beauty"):
        choose_layer(channels, "spec", "p.exr")
    with pytest.raises(FrameError, match="has no colour layers"):
        choose_layer(["Y"], "spec", "p.exr")


@pytest.mark.parametrize("channels", [["BY", "RY", "Y"], ["N.X", "N.Y", "N.Z"], ["stmap.u", "stmap.v", "matte"]])
def test_channels_without_a_picture_are_refused(channels):
    with pytest.raises(FrameError, match=r"p\.exr: (its colours are luminance|none of its channels is colour)"):
        choose_layer(channels, "", "p.exr")


def test_alpha_is_the_layers_own_if_it_has_one():
    both = [*layers("beauty", "AO", components="RGBA"), "A"]
    assert choose_layer(both, "", "p")[0].alpha == "beauty.A"
    assert choose_layer([*layers("beauty"), *layers("AO", components="RGBA")], "", "p")[0].alpha is None
    assert choose_layer([*layers("beauty"), "A"], "", "p")[0].alpha == "A"


def picture(seed: int, shape=(6, 8)) -> np.ndarray:
    return np.random.default_rng(seed).random((*shape, 3)).astype(np.float32)


def rewritten(tmp_path, plate):
    """Write a frame with twice the plate's values, and return its channels."""
    channels = {name: 2 * plate.rgb[..., index] for index, name in enumerate(plate.names[:3])}
    write_frame(tmp_path / "out.exr", plate, channels, formats=dict.fromkeys(channels, "float"), attributes={})
    source = oiio.ImageInput.open(str(tmp_path / "out.exr"))
    pixels = source.read_image(0, 0, 0, source.spec().nchannels, oiio.FLOAT)
    return dict(zip(source.spec().channelnames, np.moveaxis(pixels, -1, 0), strict=True))


@pytest.mark.parametrize("wanted", ["", "AO", "beauty"])
def test_the_chosen_layer_is_replaced_and_others_stay(wanted, tmp_path):
    own = {name: picture(seed) for seed, name in enumerate(("AO", "beauty"))}
    channels = {f"{name}.{c}": own[name][..., i] for name in own for i, c in enumerate("RGB")}
    plate = read_plate(write_exr(tmp_path / "p.exr", channels), layer=wanted)
    chosen = wanted or "beauty"
    assert np.array_equal(plate.rgb, own[chosen]) and plate.layer == chosen
    written = rewritten(tmp_path, plate)
    assert set(written) == set(channels)
    for name, pixels in channels.items():
        assert np.array_equal(written[name], pixels * (2 if name.startswith(chosen) else 1)), name
    # Readers of the frame get the rendered layer, not the one that they would choose by name.
    assert np.array_equal(read_plate(tmp_path / "out.exr").rgb, 2 * own[chosen])


def test_plain_channels_stay_beside_a_chosen_layer(tmp_path):
    channels = {**rgb_channels(picture(1)), **{f"diffuse.{c}": picture(2)[..., i] for i, c in enumerate("RGB")}}
    plate = read_plate(write_exr(tmp_path / "p.exr", channels), layer="diffuse")
    written = rewritten(tmp_path, plate)
    assert np.array_equal(written["R"], channels["R"])
    assert np.array_equal(written["diffuse.R"], 2 * channels["diffuse.R"])
    assert np.array_equal(read_plate(tmp_path / "out.exr").rgb, 2 * plate.rgb)
    assert np.array_equal(read_plate(tmp_path / "out.exr", layer="rgba").rgb, picture(1))


def write_parts(path, *parts):
    """Write parts (name, channels, picture)."""
    specs = []
    for name, channels, pixels in parts:
        spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(channels), oiio.FLOAT)
        spec.channelnames = tuple(channels)
        spec.full_width, spec.full_height = 8, 6
        if name:
            spec.attribute("name", name)
        specs.append(spec)
    sink = oiio.ImageOutput.create("openexr")
    assert sink.open(str(path), tuple(specs)), sink.geterror()
    for number, (_, channels, pixels) in enumerate(parts):
        if number:
            sink.open(str(path), specs[number], "AppendSubimage")
        sink.write_image(np.ascontiguousarray(pixels[..., : len(channels)]))
    sink.close()
    return path


def test_parts_are_layers_by_their_names(tmp_path):
    path = write_parts(tmp_path / "p.exr", ("AO", "RGB", picture(1)), ("beauty", "RGB", picture(2)))
    assert np.array_equal(read_plate(path).rgb, picture(2))
    assert np.array_equal(read_plate(path, layer="beauty").rgb, picture(2))
    plate = read_plate(path, layer="AO")
    assert np.array_equal(plate.rgb, picture(1))
    assert set(rewritten(tmp_path, plate)) == {"R", "G", "B", "AO.R", "AO.G", "AO.B"}
    with pytest.raises(FrameError, match="its layers are AO, beauty"):
        read_plate(path, layer="C")


def test_a_part_has_its_own_alpha(tmp_path):
    ao = np.dstack([picture(1), picture(2)])
    path = write_parts(tmp_path / "p.exr", ("AO", "RGBA", ao), ("beauty", "RGB", picture(2)))
    plate = read_plate(path)
    assert plate.alpha is None and np.array_equal(plate.extra["AO.A"], ao[..., 3])


def test_windows_are_those_of_the_part_with_the_picture(tmp_path):
    small = picture(1, (3, 3))
    parts = ("AO", "RGB", small), ("beauty", "RGB", picture(2)), ("Z", ["Z"], picture(3))
    path = write_parts(tmp_path / "p.exr", *parts)
    plate = read_plate(path)
    assert plate.rgb.shape == (6, 8, 3) and set(plate.extra) == {"Z"}
    assert any("part AO has other windows" in note for note in plate.notes)


def test_parts_without_a_name_get_names_in_frames(tmp_path):
    path = write_parts(tmp_path / "p.exr", *(("", "RGB", picture(seed)) for seed in range(3)))
    for name in rewritten(tmp_path, read_plate(path)):
        assert all(name.split(".")), name


def test_the_first_view_is_the_picture(tmp_path):
    path = write_parts(tmp_path / "p.exr", ("rgba.left", "RGB", picture(1)), ("rgba.right", "RGB", picture(2)))
    plate = read_plate(path)
    assert np.array_equal(plate.rgb, picture(1)) and "rgba.right.R" in plate.extra


def many(tmp_path, suffix):
    """Write a file of three pictures of different sizes with Pillow, if the format allows it."""
    from PIL import Image

    pictures = [Image.fromarray((255 * picture(seed, (32, 32))).astype(np.uint8)) for seed in range(3)]
    stream = io.BytesIO()
    sizes = {"sizes": [(16, 16), (32, 32)]} if suffix == "ico" else {"save_all": True, "append_images": pictures[1:]}
    pictures[0].save(stream, {"tif": "TIFF"}.get(suffix, suffix), **sizes)
    path = tmp_path / f"many.{suffix}"
    path.write_bytes(stream.getvalue())
    return path


@pytest.mark.parametrize("suffix", ["tif", "gif", "webp", "ico"])
def test_the_first_page_frame_or_size_is_read(suffix, tmp_path):
    plate = read_plate(many(tmp_path, suffix))
    assert not plate.extra and sum("the first was read" in note for note in plate.notes) == 1
    assert set(rewritten(tmp_path, plate)) <= set("RGBA")


def test_mip_maps_are_one_picture(tmp_path):
    path = tmp_path / "map.tx"
    texture = oiio.ImageBuf(np.ascontiguousarray(picture(1, (64, 64))))
    assert oiio.ImageBufAlgo.make_texture(oiio.MakeTxTexture, texture, str(path))
    plate = read_plate(path)
    assert plate.rgb.shape == (64, 64, 3) and not plate.extra and not plate.notes


def test_one_picture_has_no_note(tmp_path):
    assert not read_plate(write_exr(tmp_path / "a.exr", rgb_channels(picture(1)))).notes
