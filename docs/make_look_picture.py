"""Make the picture of look.md: the page over the shipped demo, in a browser without a window.

Run from the root of the repository, with Chromium, chromedriver and the extra ``test`` installed:
``PYTHONPATH=tests python docs/make_look_picture.py``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
from browser import Browser
from pages import served
from selenium.webdriver.common.keys import Keys

from ofx_reenact.resources import resource

PICTURE = Path(__file__).parent / "pictures" / "look.jpg"
WAITED = "document.getElementById('range').textContent && document.body.dataset.waits === '0'"
# Frame and value of each key of the mouth's weight.
KEYS = ((12, 0.2), (26, 1.4), (48, 1.0))


def main() -> None:
    """Set keys, look at a frame with a wipe, and keep what is on the screen."""
    demo = resource("demo", "target.jpg").parent
    with tempfile.TemporaryDirectory() as folder:
        start = {"target": str(demo / "target.jpg"), "driver": str(demo / "driver.mpg")}
        browser = Browser()
        with served(Path(folder) / "page", demo, **start) as page:
            browser.driver.get(page.address)
            browser.wait(WAITED)
            frame = 1
            for wanted, value in KEYS:
                browser.press(*[Keys.ARROW_RIGHT] * (wanted - frame))
                frame = wanted
                if wanted == KEYS[0][0]:
                    browser.click("[for=o-weight_mouth] ~ .key")
                browser.slide("weight_mouth", value)
            browser.slide("gaze_x", 6)
            browser.press(*[Keys.ARROW_LEFT] * (frame - KEYS[1][0]), "w")
            browser.run("document.activeElement.blur()")
            browser.wait(WAITED)
            # The range is asked for again once sliders have come to rest.
            browser.run("return new Promise((done) => setTimeout(done, 3000))")
            browser.wait(WAITED)
            shot = np.frombuffer(browser.driver.get_screenshot_as_png(), np.uint8)
        browser.driver.quit()
    cv2.imwrite(str(PICTURE), cv2.imdecode(shot, cv2.IMREAD_COLOR), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
