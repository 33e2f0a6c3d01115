"""The public door holds what docs/python.md shows, and no more."""

import inspect
import re
from pathlib import Path

import numpy as np
from conftest import TARGET

from ofx_reenact import api

GUIDE = Path(__file__).parents[1] / "docs" / "python.md"


def test_every_name_exists_and_is_documented():
    text = GUIDE.read_text(encoding="utf-8")
    for name in api.__all__:
        thing = getattr(api, name)
        assert inspect.getdoc(thing), name
        assert re.search(rf"`{name}\b", text), f"{name} is not in docs/python.md"


def test_nothing_else_is_public():
    public = {name for name, value in vars(api).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(api.__all__)


def test_the_guide_imports_what_there_is():
    lines = re.findall(r"^from ofx_reenact\.api import (.+)$", GUIDE.read_text(encoding="utf-8"), re.M)
    assert lines and {name for line in lines for name in line.split(", ")} <= set(api.__all__)


def test_the_first_frame_of_the_guide(performance_file):
    """The guide's first example as it stands, with a real target and a driver that was tracked before."""
    code = re.search(r"```python\n(.+?)```", GUIDE.read_text(encoding="utf-8"), re.S)[1]
    assert len([line for line in code.splitlines() if line]) <= 5
    tracked = f'performance="{performance_file}"'
    code = code.replace("target.exr", str(TARGET)).replace('driver="driver.####.exr"', tracked)
    names = {}
    exec(code.replace("1001", "36"), names)
    frame = names["frame"]
    assert frame.colour.dtype == np.float32 and frame.colour.shape[:2] == frame.matte.shape and 0 < frame.sure <= 1
