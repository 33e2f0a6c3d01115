"""Pictures of a shot to look at: made in memory, and what a render would write."""

import base64
import dataclasses

import cv2
import numpy as np
import pytest
from conftest import DRIVER, TARGET

from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.loader import Loader
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.progress import Watch
from ofx_reenact.service.jobs import Service
from ofx_reenact.service.show_frame import SHOWN
from ofx_reenact.settings import Settings


@pytest.fixture(scope="module")
def service():
    return Service()


@pytest.fixture(scope="module")
def settings(performance_file):
    return {"target": str(TARGET), "driver": str(DRIVER), "performance": performance_file, "repair": "off"}


@pytest.fixture
def show(service, settings):
    def ask(frame=20, what="result", longest=4096, draft=False, **options):
        request = {"settings": settings | options, "frame": frame, "what": what, "longest": longest, "draft": draft}
        found = service.show(request, Watch())
        coded = np.frombuffer(base64.b64decode(found["picture"]), np.uint8)
        return cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1].astype(int), found

    return ask


def test_a_shot_says_what_its_frames_are(service, settings):
    found = service.open({"settings": settings}, Watch())
    assert found["frames"] == list(range(1, 76)) and found["fps"] == 25 and not found["moving"]
    assert found["size"] == list(cv2.imread(str(TARGET)).shape[1::-1])
    assert len(found["state"]) == len(found["confidence"]) == 75 and set(found["state"]) == {"tracked"}
    assert 0.5 < min(found["confidence"]) <= max(found["confidence"]) <= 1


def test_what_is_shown_is_what_is_rendered(show, settings):
    seen, found = show()
    loader = Loader(Settings.from_dict(settings), JobCache(), lambda step: None)
    frame = loader.shot.render(20)
    shown = loader.colour.to_display(frame.colour[..., :3], loader.target.space).astype(int)
    assert seen.shape == shown.shape and np.abs(seen - shown).mean() < 1.5
    assert found["confidence"] == round(frame.pose_confidence, 4) and set(found["ms"]) == {"fit", "render", "show"}
    plate, _ = show(what="plate")
    assert np.abs(seen - plate).max() > 30
    apart, _ = show(what="difference")
    assert apart[np.abs(seen - plate).max(-1) > 40].min(-1).max() > 100 and apart[:20, :20].max() < 20


@pytest.mark.parametrize("what", SHOWN)
def test_everything_can_be_shown_as_small_as_it_is_looked_at(show, what):
    seen, found = show(what=what, longest=100)
    assert max(seen.shape[:2]) == 100 and len(found["size"]) == 2 and (seen.std() > 0 or what == "parts")


def test_a_proxy_shows_the_same_framing(show):
    seen, _ = show(longest=128)
    small, _ = show(longest=128, proxy=4)
    assert seen.shape == small.shape and np.abs(seen - small).mean() < 6


def test_where_the_driver_has_no_face_it_is_black_as_a_render_is(show, performance, tmp_path):
    lost = performance.state.copy()
    lost[4] = 2
    path = tmp_path / "lost.npz"
    dataclasses.replace(performance, state=lost).save(path)
    assert show(5, performance=str(path), missing="black")[0].max() == 0
    assert show(5, performance=str(path))[0].max() > 100


def test_where_mattes_keep_the_target_it_is_the_plate(show, tmp_path):
    matte = np.zeros(cv2.imread(str(TARGET)).shape[:2], np.uint8)
    matte[: len(matte) // 2] = 255
    cv2.imwrite(str(tmp_path / "m.png"), matte)
    plate, result = show(what="plate")[0], show()[0]
    for option, kept in (("holdout", np.s_[:200]), ("mask", np.s_[-200:])):
        for proxy, near in ((1, 12), (2, 30)):
            made = show(proxy=proxy, **{option: str(tmp_path / "m.png")})[0]
            own = plate if proxy == 1 else show(what="plate", proxy=2)[0]
            rows = kept if proxy == 1 else np.s_[:100] if option == "holdout" else np.s_[-100:]
            assert np.abs(made[rows] - own[rows]).max() < near and np.abs(made - own).max() > 30
    assert np.abs(result - plate)[:200].max() > 30


def test_a_draft_borrows_the_inside_of_a_mouth_and_is_nearly_the_frame(show):
    for repair in ("on", "off"):
        show(strength=1.0, repair=repair)
        draft, _ = show(strength=0.9, repair=repair, draft=True)
        whole, _ = show(strength=0.9, repair=repair)
        assert np.abs(draft - whole).mean() < 0.2


def test_ld_net_is_asked_once_for_what_changes_its_regions_alone(weights):
    asked = [np.arange(4.0)]
    made = weights.cached_result(asked, lambda: np.ones(3))
    assert weights.cached_result([np.arange(4.0)], lambda: np.zeros(3)) is made and not made.flags.writeable
    assert weights.cached_result([np.arange(4.0, dtype=np.float32)], lambda: np.zeros(3)).max() == 0
    assert weights.cached_result([np.arange(5.0)], lambda: np.zeros(3)).max() == 0
    assert weights.cached_result(asked, lambda: np.full(3, 2.0)).max() == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"what": "beauty"}, "choose from result, plate"), ({"longest": 1}, "longest 1"),
        ({"longest": True}, "longest"), ({"frame": "5"}, "frame '5'"), ({"frame": 99}, "frame 99"),
        ({"draft": 1}, "draft 1"), ({"cast": "c.json"}, "--cast"), ({"target": ""}, "--target is needed"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_shown(show, wrong, said):
    with pytest.raises(SettingsError, match=said):
        show(**wrong)


def test_a_driver_whose_pictures_are_gone_says_so(show, tmp_path):
    with pytest.raises(ReenactError, match=r"no\.mov"):
        show(what="driver", driver=str(tmp_path / "no.mov"))
