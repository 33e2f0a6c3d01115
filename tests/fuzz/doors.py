"""Every kind of file that is read here: an undamaged one, small, and what reads it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import mutations
import numpy as np
import torch
from conftest import DRIVER, TARGET, rgb_channels, write_exr
from narrow import narrow, small

from ofx_reenact.engine.analyse import describe_performance
from ofx_reenact.engine.inputs import read_target, track_driver
from ofx_reenact.engine.make_identity import identify, view_of
from ofx_reenact.evaluate.metrics import openface
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.farm.farm_job import FarmJob
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.weights import load_fdgan, load_repair, save_portrait, save_repair
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.matte import HOLDOUT, Matte
from ofx_reenact.frames.media import Labels
from ofx_reenact.frames.plate import Window
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence, existing_frames
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.weights import load_ldnet, save_ldnet
from ofx_reenact.provenance import FrameEntry, Input, MadeOf, Sidecar, Source, read_consent, read_provenance
from ofx_reenact.service.session import Session
from ofx_reenact.settings import Settings
from ofx_reenact.shot import curves
from ofx_reenact.shot.identity import Identity, load_appearance
from ofx_reenact.shot.identity_check import check_taught
from ofx_reenact.shot.shot import Shot
from ofx_reenact.tracking.landmark_file import FileLandmarks, read_landmarks, write_landmarks
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.tracker import Options
from ofx_reenact.training.fdgan.data.crop_set import SCHEMA as CROPS
from ofx_reenact.training.fdgan.data.crop_set import Crops
from ofx_reenact.training.fdgan.data.face_set import SCHEMA as FACES
from ofx_reenact.training.fdgan.data.face_set import Faces
from ofx_reenact.training.fdgan.data.packed_pictures import pack
from ofx_reenact.training.fdgan.data.pair_set import SCHEMA as PAIRS
from ofx_reenact.training.fdgan.data.pair_set import PairSet
from ofx_reenact.training.ldnet.data.head_model import HeadModel, draw_grid, load_heads, save_heads
from ofx_reenact.training.ldnet.data.people import LandmarkSet
from ofx_reenact.training.loop import read_checkpoint, read_curves
from ofx_reenact.training.npz import offsets, schema_of, write_npz
from ofx_reenact.verify.sidecar import read_sidecar_file

CASES = 3000


@dataclass(frozen=True)
class Door:
    """One kind of file.

    ``read`` raises a ReenactError for a damaged one; ``damage`` are ways to damage it; ``share`` says how many of the
    cases it has, beside the others.
    """

    kind: str
    path: Path
    read: Callable[[Path], object]
    damage: tuple[Callable[..., bytes], ...]
    share: float = 2


NPZ = (mutations.damage_npz, mutations.damage_npz, mutations.damage_bytes)
JSON = (mutations.damage_json, mutations.damage_json, mutations.damage_bytes)
SAFETENSORS = (mutations.damage_safetensors, mutations.damage_safetensors, mutations.damage_bytes)
BYTES = (mutations.damage_bytes,)


def doors(folder: Path) -> list[Door]:
    """Write one file of each kind into a folder."""
    return [*_shot(folder), *_texts(folder), *_weights(folder), *_sets(folder), *_pictures(folder)]


def _shot(folder: Path) -> list[Door]:
    colour, weights = Colour(), load_ldnet()
    driver = replace(Sequence.open(str(DRIVER)), frames=FrameRange(tuple(range(1, 9))))
    performance = track_driver(Settings(driver=str(DRIVER)), driver, colour, lambda step: None)
    performance.save(folder / "p.npz")
    picture = cv2.resize(cv2.imread(str(TARGET)), (320, 320), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "target.png"), picture)
    save_repair(folder / "small.safetensors", small(), {})
    fdgan = load_repair(folder / "small.safetensors")
    settings = Settings(target=str(folder / "target.png"))
    target = read_target(settings, colour)
    identity = identify(settings, target, colour, weights, fdgan)
    identity.save(folder / "i.safetensors")
    view = view_of(identity.face, target, colour)

    def perform(path: Path) -> object:
        read = Performance.load(path)
        described = (describe_performance(read), read.rate, read.mesh)
        Shot.of_still(identity.person, view, replace(read, tracker="mesh"), Settings(), weights)
        return described

    def know(path: Path) -> object:
        read = Identity.load(path, weights, identity.face.size, fdgan.sha256)
        check_taught(str(path), read.person.dictionary, read.person.adapters, fdgan)
        load_appearance(path, fdgan.sha256)
        return Shot.of_still(
            replace(read.person, tracker="mesh"), view_of(read.face, target, colour), performance, Settings(), weights
        )

    return [
        Door("performance", folder / "p.npz", perform, NPZ, 8),
        Door("identity", folder / "i.safetensors", know, SAFETENSORS, 5),
    ]


def _texts(folder: Path) -> list[Door]:
    take = MadeOf({"target": Source("t.exr", "0" * 64)}, {"weight_mouth": 0.5}, {"ldnet": "0" * 64, "fdgan": ""})
    entries = {frame: FrameEntry(0.9, "tracked", take.digest) for frame in range(1, 6)}
    Sidecar(
        output="o.####.exr", inputs={"target": Input("t.exr", "0" * 64, 1)}, settings=Settings().as_dict(), reference=1,
        tracker="mesh", weights={"sha256": "0" * 64}, colour={"space": "x", "config": "y"}, warnings=["w"],
        takes={take.digest: take},
    ).save(folder / "o.reenact.json", entries)  # fmt: skip
    write_landmarks(folder / "l.json", {1: np.random.default_rng(0).uniform(0, 300, (68, 2))})
    curve = {"schema": "ofx-reenact/gaze/1", "frames": {"1": [0, 0], "5": [10, -5.5]}}
    (folder / "gaze.json").write_text(json.dumps(curve))
    (folder / "release.pdf").write_bytes(b"signed")
    consent = {
        "schema": "ofx-reenact/consent/1", "performer": "A", "release": "R", "scope": ["a"], "expires": "2999-12-31",
        "sha256": "0" * 64, "document": "release.pdf",
    }  # fmt: skip
    (folder / "consent.json").write_text(json.dumps(consent))
    settings = Settings(target="/t.exr", driver="/d.mp4", output="/o.####.exr", performance="/p.npz")
    FarmJob("job", settings, FrameRange((1, 2, 3))).save(folder / "job.json")
    Session("127.0.0.1:1234", 77).save(folder / "session.json")
    (folder / "index.csv").write_text("path,identity,expression\na.png,ann,\nb.png,ben,smile\n")
    units = "frame,success,pose_Rx,pose_Ry,pose_Rz,AU01_r\n1,1,0.1,0.2,0.3,1.0\n2,1,0.1,0.2,0.3,2.0\n"
    (folder / "openface.csv").write_text(units)
    (folder / "curves.jsonl").write_text('{"step": 1, "seconds": 0.5, "loss": 0.3}\n{"step": 2, "loss": 0.2}\n')

    def sidecar(path: Path) -> object:
        read_sidecar_file(str(path.with_name("o.####.exr")))
        read = Sidecar.load(path)
        read.save(path, {9: FrameEntry(0.5, "held")})
        return read.claims

    def consented(path: Path) -> object:
        return read_consent(path).problems(scope="a")

    def placed(path: Path) -> object:
        track = FileLandmarks(Options(landmarks=str(path))).track(np.zeros((8, 8, 3), np.uint8), 1)
        return track, read_landmarks(path)

    def looked(path: Path) -> object:
        return curves.read_curves(path)

    def job(path: Path) -> object:
        return FarmJob.load(path).select(0)

    made = [
        Door("sidecar", folder / "o.reenact.json", sidecar, JSON, 5),
        Door("landmarks", folder / "l.json", placed, JSON, 4),
        Door("gaze", folder / "gaze.json", looked, JSON, 3),
        Door("consent", folder / "consent.json", consented, JSON, 4),
        Door("job", folder / "job.json", job, JSON, 4),
        Door("session", folder / "session.json", Session.load, JSON, 2),
        Door("index of a folder", folder / "index.csv", lambda path: Labels().of(path.with_name("a.png")), BYTES, 1),
        Door("OpenFace's CSV", folder / "openface.csv", lambda path: openface.read(path, 2), BYTES, 1),
        Door("curves", folder / "curves.jsonl", lambda path: read_curves(path.parent), BYTES, 1),
    ]
    return made + _bundle(folder)


def _bundle(folder: Path) -> list[Door]:
    try:
        import openjd.model  # noqa: F401
        import yaml  # noqa: F401
    except ImportError:
        return []
    from ofx_reenact.farm.bundle import write_bundle
    from ofx_reenact.farm.bundle_reader import read_bundle

    settings = Settings(target=str(TARGET), driver=str(DRIVER), output=str(folder / "b.####.exr"))
    write_bundle(FarmJob.of(settings), folder / "bundle")

    def read(path: Path) -> object:
        return read_bundle(path.parent)

    return [
        Door("bundle's template", folder / "bundle" / "template.yaml", read, BYTES, 0.2),
        Door("bundle's values", folder / "bundle" / "parameter_values.yaml", read, BYTES, 0.2),
    ]


def _weights(folder: Path) -> list[Door]:
    torch.manual_seed(0)
    save_ldnet(folder / "ldnet.safetensors", LDNet(width=16, hidden=3), torch.rand(68, 2), "rigid", {"data": "none"})
    save_repair(folder / "repair.safetensors", small(), {})
    save_portrait(folder / "portrait.safetensors", PortraitNetwork(*narrow(3, 6, 3)), 32, {})
    kept = {"about": {"a": 1}, "step": 3, "seconds": 0.5, "state": {"weights": torch.zeros(4)}}
    torch.save(kept, folder / "checkpoint.pt")

    def normalised(path: Path) -> object:
        from ofx_reenact.ldnet.retarget import identity_code

        return identity_code(load_ldnet(path), np.random.default_rng(0).uniform(-1, 1, (68, 2)))

    return [
        Door("LD-Net's weights", folder / "ldnet.safetensors", normalised, SAFETENSORS, 2),
        Door("FD-GAN's weights", folder / "repair.safetensors", load_fdgan, SAFETENSORS, 1),
        Door("portrait weights", folder / "portrait.safetensors", load_fdgan, SAFETENSORS, 1),
        Door("checkpoint", folder / "checkpoint.pt", read_checkpoint, BYTES, 1),
    ]


def _sets(folder: Path) -> list[Door]:
    rng = np.random.default_rng(0)
    picture = pack(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
    strip = [pack(rng.integers(0, 255, (32, 96, 3), dtype=np.uint8)), picture]
    points = rng.uniform(0, 32, (2, 68, 2)).astype(np.float32)
    names = np.array(["a", "b"])
    packed = {"bytes": np.concatenate([picture] * 2), "offsets": offsets([picture] * 2)}
    person = {"person": np.arange(2), "validation": np.zeros(2, bool), "terms": names}
    write_npz(
        folder / "crops.npz", CROPS, mesh=rng.uniform(0, 32, (2, 478, 3)), people=names, take=names,
        detail=np.ones(2), masks=packed["bytes"], mask_offsets=packed["offsets"], **packed, **person,
    )  # fmt: skip
    write_npz(
        folder / "faces.npz", FACES, size=32, people=names, landmarks=points, **packed,
        **person | {"person": np.zeros(2, int)},
    )
    write_npz(
        folder / "pairs.npz", PAIRS, people=names, kind=names, finer=np.ones(2, int), landmarks=points,
        target_landmarks=points,
        bytes=np.concatenate(strip * 2), offsets=offsets(strip * 2), **person,
    )  # fmt: skip
    shape = torch.from_numpy(rng.normal(size=(68, 3)).astype(np.float32))
    model = HeadModel(shape, shape[None] * 0.1, shape[None] * 0.1, ("smile",), "test")
    save_heads(folder / "heads.npz", model, draw_grid(model, 2, 3, 0))
    np.savez(folder / "tracks.npz", landmarks=points, identity=np.arange(2))
    values = {"ours": {"PSNR": np.ones(2)}}
    PairResult(
        "n", "t", "d", {"target": "0"}, (1, 2), (0.0, 1.0), values, {"PSNR": "x"}, {"ours": np.ones((2, 4))},
        np.ones((3, 4)), {"target": b"x"}, {"ours": {"jawOpen": np.array([0.5, np.nan])}}, {"jawOpen": 0.1},
    ).save(folder / "pair.npz")  # fmt: skip

    def crops(path: Path) -> object:
        read = Crops.load(path)
        return read.picture(0), read.mask(0), read.of(0), schema_of(path)

    def faces(path: Path) -> object:
        read = Faces(path)
        return read.draw(1, np.random.default_rng(0)) if read.people() else None

    def pairs(path: Path) -> object:
        return PairSet(path).batch(np.array([0]))

    return [
        Door("crops", folder / "crops.npz", crops, NPZ),
        Door("faces", folder / "faces.npz", faces, NPZ),
        Door("pairs", folder / "pairs.npz", pairs, NPZ),
        Door("heads", folder / "heads.npz", load_heads, NPZ),
        Door("tracks", folder / "tracks.npz", LandmarkSet, NPZ),
        Door("result of a pair", folder / "pair.npz", PairResult.load, NPZ),
    ]


def _pictures(folder: Path) -> list[Door]:
    rgb = np.random.default_rng(0).uniform(0, 1, (24, 32, 3)).astype(np.float32)
    attributes = {"reenact:confidence": 0.5, "reenact:frame": "1"}
    write_exr(folder / "e.0001.exr", rgb_channels(rgb), dict.fromkeys("RGB", "half"), attributes)
    colour = Colour()

    def there(path: Path) -> object:
        return read_provenance(path), existing_frames(str(path.with_name("e.####.exr")), FrameRange((1,)))

    def target(path: Path) -> object:
        return read_target(Settings(target=str(path)), colour)

    def holdout(path: Path) -> object:
        window = Window(0, 0, 32, 24)
        return Matte.open(HOLDOUT, str(path.with_name("e.####.exr")), [1], window, window).read(1)

    return [
        Door("frame that is there", folder / "e.0001.exr", there, BYTES, 3),
        Door("target", folder / "e.0001.exr", target, BYTES, 3),
        Door("holdout", folder / "e.0001.exr", holdout, BYTES, 1),
    ]


