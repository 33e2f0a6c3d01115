"""Studios' OCIO configs: pictures are read and displayed whatever the names of spaces are."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from conftest import TARGET, rgb_channels, write_exr

from ofx_reenact.cli.doctor import look_at_colour
from ofx_reenact.errors import FrameError
from ofx_reenact.frames.colour import CONFIG, OWN_SRGB, Colour, FaceDisplay
from ofx_reenact.frames.colour_interop import SHARED
from ofx_reenact.frames.picture import read_picture
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.primaries import AP0, AP1, REC709, decode_srgb, to_xyz

CURVE = "!<ExponentWithLinearTransform> {gamma: 2.4, offset: 0.055}"
FILE = "!<FileTransform> {src: srgb.spi1d, interpolation: linear}"
GAMMA = "!<ExponentTransform> {value: [1.8, 1.8, 1.8, 1]}"
DATA = "isdata"
SEARCH = "file_rules: [!<Rule> {name: ColorSpaceNamePathSearch}, !<Rule> {name: Default, colorspace: w}]"


def matrix(source, to):
    values = np.eye(4)
    values[:3, :3] = np.linalg.inv(to_xyz(to)) @ to_xyz(source)
    return f"!<MatrixTransform> {{matrix: {[round(float(value), 9) for value in values.ravel()]}}}"


def both(*transforms):
    return f"!<GroupTransform> {{children: [{', '.join(transforms)}]}}"


def config(folder, spaces, version=2, extra="", **roles):
    """Write a config: space → its transform to the reference, :data:`DATA`, or empty for the reference itself."""
    lines = [f"ocio_profile_version: {version}", "search_path: .", extra, "roles:"]
    lines += [f"  {role}: {space}" for role, space in roles.items()]
    lines += ["displays:", f"  any: [!<View> {{name: v, colorspace: {next(iter(spaces))}}}]", "colorspaces:"]
    for space, to_reference in spaces.items():
        name, _, aliases = space.partition("|")
        lines += ["  - !<ColorSpace>", f"    name: {name}", f"    aliases: [{aliases}]" if aliases else ""]
        lines += ["    isdata: true"] if to_reference == DATA else []
        key = "to_reference" if version == 1 else "to_scene_reference"
        lines += [f"    {key}: {to_reference}"] if to_reference not in ("", DATA) else []
    path = folder / "config.ocio"
    path.write_text("\n".join(lines) + "\n")
    curve = decode_srgb(np.linspace(-0.125, 4.75, 4096, dtype=np.float32))
    head = "Version 1\nFrom -0.125 4.75\nLength 4096\nComponents 1\n{\n"
    (folder / "srgb.spi1d").write_text(head + "\n".join(f"{value:.9g}" for value in curve) + "\n}\n")
    return Colour(str(path))


NUKE = {"linear": "", "sRGB": FILE, "Cineon": GAMMA, "raw": DATA}
ACES_1 = {
    "ACES - ACES2065-1": "", "ACES - ACEScg": matrix(AP1, AP0), "Output - sRGB": both(FILE, GAMMA, matrix(REC709, AP0)),
    "Utility - sRGB - Texture": both(FILE, matrix(REC709, AP0)), "Utility - Raw": DATA,
}  # fmt: skip

# spaces, version, roles, the linear space, the sRGB space, the linear space's primaries.
CONFIGS = {
    "nuke-default": (NUKE, 1, {"scene_linear": "linear", "default": "linear"}, "linear", "sRGB", REC709),
    "no scene_linear": (NUKE, 1, {"default": "linear", "reference": "linear"}, "linear", "sRGB", REC709),
    "default is data": (
        {"raw": DATA, "plate_lin": "", "log": GAMMA}, 2, {"default": "raw"}, "plate_lin", OWN_SRGB, REC709,
    ),
    "default is a log": ({"log": GAMMA, "lin": ""}, 2, {"default": "log"}, "lin", OWN_SRGB, REC709),
    "aces 1": (
        ACES_1, 1, {"scene_linear": "ACES - ACEScg", "default": "ACES - ACES2065-1"}, "ACES - ACEScg",
        "Utility - sRGB - Texture", AP1,
    ),
    "no sRGB": (
        {"ap0": "", "work": matrix(AP1, AP0)}, 2, {"scene_linear": "work", "aces_interchange": "ap0", "default": "ap0"},
        "work", OWN_SRGB, AP1,
    ),
    "by alias": ({"w": "", "screen|srgb_tx": CURVE}, 2, {"scene_linear": "w", "default": "w"}, "w", "screen", REC709),
    "by interop id": (
        {"w": "", "screen|srgb_rec709_scene": CURVE}, 2, {"scene_linear": "w", "default": "w"}, "w", "screen", REC709,
    ),
    "by role": (
        {"w": "", "paint": CURVE}, 2, {"scene_linear": "w", "texture_paint": "paint", "default": "w"}, "w", "paint",
        REC709,
    ),
    "its sRGB is something else": (
        {"w": "", "sRGB": GAMMA}, 2, {"scene_linear": "w", "default": "w"}, "w", OWN_SRGB, REC709,
    ),
    "its sRGB has lost its file": (
        {"w": "", "sRGB": "!<FileTransform> {src: gone.spi1d}"}, 2, {"scene_linear": "w", "default": "w"}, "w",
        OWN_SRGB, REC709,
    ),
    "one space": ({"L": ""}, 2, {"scene_linear": "L", "default": "L"}, "L", OWN_SRGB, REC709),
}  # fmt: skip


@pytest.fixture(scope="module")
def portrait(demo_picture, tmp_path_factory):
    path = tmp_path_factory.mktemp("portrait") / "p.png"
    cv2.imwrite(str(path), cv2.resize(demo_picture, (64, 64))[..., ::-1])
    return str(path)


@pytest.fixture(params=CONFIGS)
def studio(request, tmp_path):
    spaces, version, roles, linear, srgb, primaries = CONFIGS[request.param]
    return config(tmp_path, spaces, version, **roles), linear, srgb, primaries


def test_pictures_are_read_and_displayed(studio, portrait):
    colour, linear, srgb, primaries = studio
    assert (colour.resolve("scene_linear"), colour.srgb()) == (linear, srgb)
    picture = read_picture(portrait, colour)
    assert picture.space == linear and colour.is_scene_linear(linear)
    light = decode_srgb(picture.plate.rgb) @ to_xyz(REC709).T @ np.linalg.inv(to_xyz(primaries)).T
    assert np.abs(picture.pixels - light).max() < 2e-3
    # Networks see the original picture, and what they paint is converted back.
    display = FaceDisplay(colour, linear)
    shown = display.encode(picture.pixels)
    assert np.abs(shown - picture.plate.rgb).max() < 2e-3
    assert np.abs(display.decode(shown) - picture.pixels).max() < 2e-3
    assert (np.abs(colour.show(picture.plate).astype(int) - np.rint(picture.plate.rgb * 255)) <= 1).all()


def test_doctor_tests_conversions(studio, monkeypatch):
    colour, linear, _, _ = studio
    monkeypatch.setenv("OCIO", colour.name)
    (finding,) = look_at_colour()
    assert finding.status == "ok" and f"'{linear}'" in finding.detail


@pytest.mark.parametrize(
    ("spaces", "roles"),
    [
        ({"raw": DATA}, {"default": "raw"}),
        ({"a": GAMMA, "b": "!<LogTransform> {base: 10}"}, {"default": "a"}),
    ],
)
def test_unusable_configs_are_refused(spaces, roles, tmp_path, monkeypatch):
    with pytest.raises(FrameError, match=r"config\.ocio"):
        read_picture(str(TARGET), config(tmp_path, spaces, **roles))
    monkeypatch.setenv("OCIO", str(tmp_path / "config.ocio"))
    (finding,) = look_at_colour()
    assert finding.status == "missing" and "set OCIO" in finding.detail


@pytest.mark.parametrize(
    "content",
    [
        b"", bytes(range(256)) * 9, b"ocio_profile_version: 99\n", b"ocio_profile_version: 2\nroles: [",
        b"ocio_profile_version: 2\nroles: {}\ncolorspaces: []\n", None,
        b"ocio_profile_version: 2\nroles: {default: \xe9}\nfile_rules: [!<Rule> {name: Default, colorspace: \xe9}]\n"
        b"displays: {any: [!<View> {name: v, colorspace: \xe9}]}\ncolorspaces: [!<ColorSpace> {name: \xe9}]\n",
    ],
)  # fmt: skip
def test_damaged_configs_are_named_on_one_line(content, tmp_path, capfd):
    path = tmp_path / "config.ocio"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(FrameError, match=r"^OCIO config .*config\.ocio: ") as raised:
        Colour(str(path))
    assert "\n" not in str(raised.value) and capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["ocio://nothing", "/nowhere/\udce9.ocio", "/nowhere/config.ocio"])
def test_missing_configs_are_named(name):
    with pytest.raises(FrameError, match=r"^OCIO config .*(nothing|\.ocio): "):
        Colour(name)


@pytest.mark.parametrize("name", ["sRGB", "srgb", "srgb_rec709_scene", "Linear", "lin_srgb", "acescg"])
def test_shared_names_are_found_by_conversion(name, tmp_path):
    flat = matrix(REC709, AP0)
    spaces = {"ap0": "", "work": matrix(AP1, AP0), "paint": both(CURVE, flat), "flat": flat}
    roles = {"scene_linear": "work", "default": "work", "aces_interchange": "ap0", "texture_paint": "paint"}
    colour = config(tmp_path, spaces, matte_paint="flat", **roles)
    wanted = "work" if name == "acescg" else "flat" if "lin" in name.lower() else "paint"
    assert colour.resolve(name) == wanted


def test_a_shared_name_of_a_space_that_converts_otherwise_is_not_trusted(tmp_path):
    colour = config(tmp_path, {"w": "", "sRGB": GAMMA}, scene_linear="w", default="w")
    plain = rgb_channels(np.ones((2, 2, 3), np.float32))
    plate = read_plate(write_exr(tmp_path / "a.exr", plain, None, {"colorInteropID": "srgb_rec709_scene"}))
    assert colour.choose(plate, None) == (OWN_SRGB, "the file's tag srgb_rec709_scene")


@pytest.mark.parametrize("name", ["ocio://cg-config-v1.0.0_aces-v1.3_ocio-v2.1", CONFIG, "ocio://default"])
def test_written_names_are_read_with_every_config_of_ocio(name, tmp_path):
    colour = Colour(name)
    for tag in (*SHARED, "srgb_rec709_scene", "pq_rec2020_display", "g24_rec709_display", "srgb_rec709_display"):
        if tag == "lin_adobergb_scene" and "v1.0.0" in name:
            continue
        found, _ = colour.choose(replace(read_plate(TARGET), colour_space=tag), None)
        assert found in colour._config.spaces, tag
        if tag in SHARED:
            tags = colour.tags(found)
            assert tags["chromaticities"] == SHARED[tag]
            assert Colour(CONFIG).choose(replace(read_plate(TARGET), colour_space=tags["oiio:ColorSpace"]), None)


def test_chromaticities_are_found_by_conversion(tmp_path):
    colour = config(tmp_path, ACES_1, 1, scene_linear="ACES - ACEScg", default="ACES - ACEScg")
    header = {"chromaticities": ("float[8]", AP0)}
    plate = read_plate(write_exr(tmp_path / "a.exr", rgb_channels(np.ones((2, 2, 3), np.float32)), None, header))
    assert colour.choose(plate, None)[0] == "ACES - ACES2065-1"


@pytest.mark.parametrize("name", ["linear", "lin_rec709", "work"])
def test_frames_are_tagged_by_the_conversion_of_their_space(name, tmp_path):
    """OpenImageIO takes any ``linear`` for Rec.709's; here it is ACEScg."""
    spaces = {"ap0|aces": "", name: matrix(AP1, AP0), "sRGB": both(CURVE, matrix(REC709, AP0))}
    colour = config(tmp_path, spaces, scene_linear=name, default=name, aces_interchange="ap0")
    assert colour.tags(name)["oiio:ColorSpace"] == "lin_ap1_scene"
    plain = rgb_channels(np.ones((2, 2, 3), np.float32))
    for tag, space in (("lin_ap1_scene", name), ("lin_ap0_scene", "ap0"), ("lin_rec709_scene", "primaries 0.64 ")):
        plate = read_plate(write_exr(tmp_path / "a.exr", plain, None, {"colorInteropID": tag}))
        found, _ = colour.choose(plate, None)
        assert found.startswith(space), tag


def test_a_space_that_only_the_config_knows_is_tagged_with_its_own_name(tmp_path):
    colour = config(tmp_path, {"w": "", "raw": DATA}, scene_linear="w", default="raw")
    tags = colour.tags("w")
    assert "oiio:ColorSpace" not in tags and "chromaticities" not in tags
    plate = read_plate(write_exr(tmp_path / "a.exr", rgb_channels(np.ones((2, 2, 3), np.float32)), None, tags))
    assert colour.choose(plate, None) == ("w", "the file's tag w")


def test_file_rules_are_used(tmp_path):
    rules = (
        "file_rules:\n  - !<Rule> {name: log, pattern: '*_log*', extension: exr, colorspace: camera}\n"
        "  - !<Rule> {name: paths, pattern: '*/paint/*', extension: '*', colorspace: paint}\n"
        "  - !<Rule> {name: Default, colorspace: w}"
    )
    spaces = {"w": "", "camera": GAMMA, "paint": CURVE, "raw": DATA}
    colour = config(tmp_path, spaces, extra=rules, scene_linear="w", default="w")
    (tmp_path / "raw").mkdir()
    for name, space in (("raw/a_log.exr", "camera"), ("raw/a.exr", "w")):
        plate = read_plate(write_exr(tmp_path / name, rgb_channels(np.ones((2, 2, 3), np.float32))))
        assert colour.choose(plate, None)[0] == space, name


@pytest.mark.parametrize("rules", ["", SEARCH])
@pytest.mark.parametrize("version", [1, 2])
def test_folders_named_like_spaces_are_ignored(version, rules, tmp_path):
    rules = "" if version == 1 else rules
    colour = config(tmp_path, {"w": "", "raw": DATA}, version, rules, scene_linear="w", default="w")
    (tmp_path / "raw").mkdir()
    plate = read_plate(write_exr(tmp_path / "raw" / "a.exr", rgb_channels(np.ones((2, 2, 3), np.float32))))
    assert colour.choose(plate, None)[0] == "w"
