"""Renders that are killed at random moments leave no partial frame, no wrong one, and nothing that stays."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes with everything loaded are forked")
def test_renders_are_killed():
    script = Path(__file__).with_name("kills.py")
    child = [sys.executable, str(script), "--kills", "40"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(child, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] >= 20 and found["terminations"] >= 4 and found["sequences"] >= 5
