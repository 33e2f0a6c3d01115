"""Hosts that do anything, and engines that answer anything: the plug-in keeps to its memory, and leaves nothing."""

import json
import sys
from pathlib import Path

import pytest

from openfx.fuzz import build_sanitized, can_run, fuzz, run_sanitized

pytestmark = pytest.mark.skipif(not can_run(), reason="there is no compiler with gcc's sanitizers")
SECONDS = 20
CRIMINAL = """
import sys
import numpy as np
from openfx.fuzz import check_leaks
from openfx.host import FILTER, Host
host = Host(sys.argv[1])
instance = host.describe(FILTER).create(size=(6, 4))
instance.connect("Source", lambda time: np.ones((4, 6, 4), np.float32))
instance.set("crime", sys.argv[2])
instance.render(1)
host.unload(check_leaks)
print("unloaded")
"""


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory) -> Path:
    return build_sanitized(tmp_path_factory.mktemp("sanitized"), [Path(__file__).with_name("crimes.c")])


def test_a_good_plug_in_is_not_accused(sanitized, tmp_path):
    ended = run_sanitized(["-c", CRIMINAL, str(sanitized), "none"], tmp_path, 120)
    assert (ended.code, ended.output, ended.leaks) == (0, "unloaded\n", []), ended


def test_an_invented_leak_is_found(sanitized, tmp_path):
    ended = run_sanitized(["-c", CRIMINAL, str(sanitized), "leak"], tmp_path, 120)
    assert (ended.code, ended.output) == (0, "unloaded\n"), ended
    assert len(ended.leaks) == 1 and "1234 byte(s)" in ended.leaks[0] and "crimes.c" in ended.leaks[0], ended


@pytest.mark.parametrize(("crime", "said"), [("overflow", "store to address"), ("late", "heap-use-after-free")])
def test_an_invented_overflow_is_found(sanitized, tmp_path, crime, said):
    ended = run_sanitized(["-c", CRIMINAL, str(sanitized), crime], tmp_path, 120)
    found = ended.errors + ended.report
    assert ended.code != 0 and ended.output == "" and said in found and "crimes.c" in found, ended


@pytest.mark.skipif(sys.platform != "linux", reason="processes and files are counted as Linux does")
def test_hosts_that_do_anything():
    found = fuzz(SECONDS, 1, "fake")
    assert not found["failures"], json.dumps(found, indent=1)
    assert found["steps"] > 20 and found["rendered"] > 2 and found["said"] > 1
