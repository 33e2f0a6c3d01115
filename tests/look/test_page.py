"""The page in a browser, over a real engine."""

import json
import os
import signal
import time

import cv2
import pytest
from browser import browser, lacking
from conftest import DRIVER, TARGET
from farm_jobs import small_target

if lacking():
    pytest.skip(lacking(), allow_module_level=True)

from pages import served
from selenium.webdriver.common.keys import Keys

from ofx_reenact.frames.plate import read_plate
from ofx_reenact.service.session import Session

__all__ = ["browser"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("shots")
    small_target(made)
    (made / "words.png").write_text("no picture")
    large = cv2.resize(cv2.imread(str(TARGET)), (4096, 4096), interpolation=cv2.INTER_LINEAR)
    cv2.imwrite(str(made / "large.jpg"), large)
    (made / "driver.mpg").write_bytes(DRIVER.read_bytes())
    return made


@pytest.fixture(scope="module")
def page(folder, performance_file, tmp_path_factory):
    start = {
        "target": str(folder / "target.png"), "driver": str(folder / "driver.mpg"), "performance": performance_file,
    }  # fmt: skip
    with served(tmp_path_factory.mktemp("own") / "page", folder, **start) as page:
        yield page


def open_page(browser, page) -> None:
    """Load the page anew with nothing kept, and wait for its first frame."""
    browser.driver.get(page.address)
    browser.run("localStorage.clear()")
    browser.driver.get(page.address)
    browser.wait("document.getElementById('range').textContent && document.body.dataset.waits === '0'")


def choose(browser, source: str, name: str) -> None:
    browser.click(f"#{source}")
    browser.wait("document.querySelector('#files .list').children.length")
    browser.run("document.querySelector('#files .chosen').value = arguments[0]", name)
    browser.click("#files .choose")


def test_without_a_shot_it_says_what_to_choose(browser, folder, tmp_path):
    with served(tmp_path / "page", folder) as page:
        browser.driver.get(page.address)
        browser.wait("document.getElementById('hint').textContent.startsWith('Choose a target')")
        assert browser.run("return document.getElementById('render').disabled")
        browser.wait("document.querySelectorAll('#panel .option').length > 40")
        for width, height in ((1280, 800), (1920, 1080)):
            browser.resize(width, height)
            fits = "return ['html', 'body', '#panel'].every((name) => { const e = document.querySelector(name);"
            assert browser.run(f"{fits} return e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth; }})")
        browser.resize(1280, 800)
        choose(browser, "target", "words.png")
        browser.wait("document.getElementById('message').classList.contains('bad')")
        assert "words.png" in browser.text("#message")
        choose(browser, "target", "target.png")
        browser.wait("document.body.dataset.waits === '0' && document.getElementById('zoom').textContent !== ''")
    assert not [said for said in browser.complaints() if "422" not in said]


@pytest.mark.slow
def test_frames_sliders_and_undo(browser, page):
    open_page(browser, page)
    first = browser.picture()
    browser.press(*[Keys.ARROW_RIGHT] * 19)
    shown = browser.wait_for_another(first)
    assert browser.run("return document.getElementById('frame').value") == "20"
    browser.slide("strength", 0)
    still = browser.wait_for_another(shown)
    browser.press("z", held=Keys.CONTROL)
    assert browser.wait_for_another(still) == shown
    browser.press("b")
    plate = browser.wait_for_another(shown)
    browser.press("a", Keys.HOME)
    browser.wait_for_another(plate)
    browser.press(Keys.END)
    browser.wait("document.getElementById('frame').value === '75' && document.body.dataset.waits === '0'")
    browser.press("w")
    browser.wait("document.querySelector('[data-side=wipe]').classList.contains('on')")
    browser.press(" ")
    browser.wait("Number(document.getElementById('frame').value) >= 3 && document.getElementById('frame').value < 70")
    browser.press("k")
    frame = browser.run("return document.getElementById('frame').value")
    time.sleep(0.3)
    assert browser.run("return document.getElementById('frame').value") == frame
    assert not browser.complaints()


@pytest.mark.slow
def test_a_curve_is_drawn_and_rendered(browser, page, folder):
    open_page(browser, page)
    browser.click("[for=o-weight_mouth] ~ .key")
    browser.press(*[Keys.ARROW_RIGHT] * 9)
    browser.wait("document.getElementById('frame').value === '10'")
    before = browser.picture()
    browser.slide("weight_mouth", 0)
    browser.wait_for_another(before)
    browser.wait("document.querySelectorAll('.option.animated').length === 1")
    browser.press("e", held=Keys.CONTROL)
    browser.wait("document.querySelector('#exported textarea').value.includes('--curves')")
    browser.press(Keys.ESCAPE)
    browser.press(Keys.ENTER, held=Keys.CONTROL)
    browser.run(
        "document.getElementById('output').value = arguments[0]; document.getElementById('frames').value = '5,10'",
        str(folder / "out" / "o.####.exr"),
    )
    browser.click("#rendering .start")
    browser.wait("document.querySelector('#rendering .about').textContent.startsWith('2 frames written')")
    drawn = json.loads((folder / "out" / "o.curves.json").read_text())["curves"]
    assert drawn == {"weight_mouth": {"interpolation": "smooth", "frames": {"1": 1, "10": 0}}}
    said = json.loads((folder / "out" / "o.reenact.json").read_text())
    assert said["settings"]["curves"] == str(folder / "out" / "o.curves.json")
    assert read_plate(folder / "out" / "o.0010.exr").rgb.shape == cv2.imread(str(folder / "target.png")).shape
    browser.click("#rendering .start")
    browser.wait("document.querySelector('#rendering .error').textContent.includes('already exist')")
    browser.press(Keys.ESCAPE)
    assert not browser.complaints()


@pytest.mark.slow
def test_a_plate_of_4k_is_shown_through_a_proxy(browser, page, folder):
    open_page(browser, page)
    before = browser.picture()
    choose(browser, "target", "large.jpg")
    browser.wait_for_another(before)
    browser.wait("document.getElementById('size').textContent === '4096×4096'")
    assert browser.run("return document.getElementById('proxy').options[0].textContent") == "auto (4)"


@pytest.mark.slow
def test_an_engine_that_is_killed_is_started_again_and_nothing_set_is_lost(browser, page, tmp_path):
    open_page(browser, page)
    browser.press(*[Keys.ARROW_RIGHT] * 19)
    browser.wait("document.getElementById('frame').value === '20' && document.body.dataset.waits === '0'")
    shown = browser.picture()
    browser.slide("weight_mouth", 1.5)
    wide = browser.wait_for_another(shown)
    own = page.page.folder / "view.session"
    os.kill(Session.load(own).pid, signal.SIGKILL)
    browser.slide("weight_mouth", 0.5)
    browser.wait("document.getElementById('message').classList.contains('bad')")
    assert "the engine" in browser.text("#message")
    browser.slide("weight_mouth", 1.5)
    browser.slide("weight_jaw", 0)
    browser.wait_for_another(wide)
    browser.wait("document.getElementById('engine').textContent === 'engine ready'")
    browser.driver.refresh()
    browser.wait("document.getElementById('range').textContent && document.body.dataset.waits === '0'")
    assert browser.run("return document.getElementById('o-weight_mouth').value") == "1.5"


@pytest.mark.slow
def test_faces_are_listed_and_one_is_chosen(browser, page):
    open_page(browser, page)
    browser.click("[data-group=Tracking]")
    browser.run("document.getElementById('o-target_face').closest('.option').querySelector('button').click()")
    browser.wait("document.querySelectorAll('#faces .list .on').length === 1")
    assert browser.run("return document.querySelector('#faces canvas').clientHeight") > 100
    browser.run("document.getElementById('o-target_face').value = ''")
    browser.click("#faces .choose")
    browser.wait("document.getElementById('o-target_face').value === '1'")
    browser.click("[data-group=Motion]")


@pytest.mark.slow
def test_keys_are_listed(browser, page):
    open_page(browser, page)
    browser.press("?")
    browser.wait("document.getElementById('keys').open")
    browser.press("b", Keys.ESCAPE)
    assert browser.run("return document.querySelector('[data-side=a]').classList.contains('on')")


@pytest.mark.slow
def test_two_tabs_and_one_that_is_closed(browser, page):
    open_page(browser, page)
    first = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("tab")
    browser.driver.get(page.address)
    browser.wait("document.getElementById('range').textContent && document.body.dataset.waits === '0'")
    before = browser.picture()
    browser.press(*[Keys.ARROW_RIGHT] * 5)
    browser.driver.close()
    browser.driver.switch_to.window(first)
    before = browser.picture()
    browser.press(*[Keys.ARROW_RIGHT] * 30)
    browser.wait_for_another(before)
    assert browser.run("return document.getElementById('frame').value") == "31"


@pytest.mark.slow
def test_of_what_one_tab_asks_only_the_last_is_made(page, folder, performance_file):
    settings = {
        "target": str(folder / "target.png"), "driver": str(folder / "driver.mpg"), "performance": performance_file,
    }  # fmt: skip
    line = page.page.viewing
    asked = [
        line.ask("tab", "show", {"settings": settings, "frame": frame, "what": "result", "longest": 256})
        for frame in range(1, 20)
    ]
    found = [future.result(600) for future in asked]
    assert found[-1] is not None and sum(one is not None for one in found) <= 3
