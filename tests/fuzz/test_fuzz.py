"""Files of every kind, damaged in every way: each is read, or refused in a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from doors import CASES


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of time and memory are set as Linux does")
def test_damaged_files_are_read_or_refused():
    child = [sys.executable, str(Path(__file__).with_name("fuzz.py")), "--seed", "1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(child, capture_output=True, text=True, check=False, env=environment)
    found = json.loads(done.stdout)
    assert not found["failed"], json.dumps(found["failures"], indent=1)
    assert done.returncode == 0 and found["cases"] > 0.9 * CASES
    kept = sum(counts.get("read", 0) for counts in found["counts"].values())
    assert 0.02 * CASES < kept < 0.6 * CASES, "what is damaged is refused mostly, not always"
