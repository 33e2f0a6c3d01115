"""A browser without a window, to try the page in; tests that use it are skipped where there is none."""

import shutil
import time
from collections.abc import Iterator

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMEDRIVER = shutil.which("chromedriver")
PATIENCE = 600


def lacking() -> str:
    """Say what is missing to try a page; empty if nothing is."""
    try:
        import selenium  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        return f"{error}: pip install '.[test]'"
    if CHROMIUM is None or CHROMEDRIVER is None:
        return "no browser: apt-get install chromium chromium-driver"
    return ""


class Browser:
    """A window of a size, and what a person does in it."""

    def __init__(self, width: int = 1280, height: int = 800) -> None:
        from selenium.webdriver import Chrome, ChromeOptions
        from selenium.webdriver.chrome.service import Service

        options = ChromeOptions()
        options.binary_location = CHROMIUM
        # Containers have neither its sandbox nor much shared memory.
        for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
            options.add_argument(f"--{argument}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = Chrome(options=options, service=Service(CHROMEDRIVER))
        self.driver.set_script_timeout(PATIENCE)
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def run(self, code: str, *values):
        return self.driver.execute_script(code, *values)

    def text(self, name: str) -> str:
        return self.run("return document.querySelector(arguments[0]).textContent", name)

    def wait(self, code: str, *values) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + PATIENCE
        while not self.run(f"return {code}", *values):
            assert time.monotonic() < until, f"{code}; the page says: {self.text('#message')}"
            time.sleep(0.05)

    def press(self, *keys: str, held: str = "") -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        chain = ActionChains(self.driver)
        if held:
            chain = chain.key_down(held)
        for key in keys:
            chain = chain.send_keys(key)
        (chain.key_up(held) if held else chain).perform()

    def click(self, name: str) -> None:
        from selenium.webdriver.common.by import By

        self.driver.find_element(By.CSS_SELECTOR, name).click()

    def slide(self, name: str, value: float) -> None:
        """Move an option's slider as a hand does, and let it go."""
        self.run(
            "const s = document.getElementById(`o-${arguments[0]}`); s.value = arguments[1];"
            "s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change'));", name, value,
        )  # fmt: skip

    def picture(self) -> str:
        """What is on the canvas."""
        return self.run("return document.getElementById('picture').toDataURL()")

    def wait_for_another(self, picture: str) -> str:
        """Wait until the canvas shows something else, and nothing newer is on its way; returns it."""
        self.wait("document.getElementById('picture').toDataURL() !== arguments[0]", picture)
        self.wait("document.body.dataset.waits === '0'")
        return self.picture()

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if reason := lacking():
        pytest.skip(reason)
    made = Browser()
    yield made
    made.driver.quit()
