"""The public interface has the names that docs/python.md shows, and no others."""

import inspect
import re
from pathlib import Path

from ofx_reenact import api

GUIDE = Path(__file__).parents[1] / "docs" / "python.md"


def test_every_name_exists_and_is_documented():
    text = GUIDE.read_text(encoding="utf-8")
    for name in api.__all__:
        assert inspect.getdoc(getattr(api, name)), name
        assert re.search(rf"`{name}\b", text), f"{name} is not in docs/python.md"


def test_nothing_else_is_public():
    public = {name for name, value in vars(api).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(api.__all__)


def test_the_guide_imports_names_that_exist():
    lines = re.findall(r"^from ofx_reenact\.api import (.+)$", GUIDE.read_text(encoding="utf-8"), re.M)
    assert lines and {name for line in lines for name in line.split(", ")} <= set(api.__all__)


def test_a_first_frame_takes_five_lines():
    code = re.search(r"```python\n(.+?)```", GUIDE.read_text(encoding="utf-8"), re.S)[1]
    assert "shot.render(" in code and len([line for line in code.splitlines() if line]) <= 5
