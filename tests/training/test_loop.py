"""The training loop: interrupted, resumed, killed, and not begun over another run."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from trainings import adversarial, stop_at, supervised

from ofx_reenact.errors import SettingsError, WeightsError
from ofx_reenact.training import loop as training


@pytest.mark.parametrize(
    "make", [lambda: adversarial(1), lambda: adversarial(2), supervised], ids=["stage 1", "stage 2", "supervised"]
)
def test_an_interrupted_and_resumed_run_gives_the_numbers_of_an_unbroken_one(tmp_path, make):
    whole, broken, resumed = make(), make(), make()
    training.run(whole, tmp_path / "whole", 4, save_every=2)
    stop_at(broken, 3)
    with pytest.raises(KeyboardInterrupt):
        training.run(broken, tmp_path / "broken", 4, save_every=2)
    points = []
    training.run(resumed, tmp_path / "broken", 4, save_every=2, resume=True, observe=points.append)
    assert [point.step for point in points] == [4]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_a_run_is_not_begun_over_another(tmp_path):
    training.run(supervised(), tmp_path / "run", 2, save_every=1)
    with pytest.raises(SettingsError, match="--resume"):
        training.run(supervised(), tmp_path / "run", 4, save_every=1)
    with pytest.raises(SettingsError, match=r"other settings \(seed\)"):
        training.run(supervised(seed=2), tmp_path / "run", 4, save_every=1, resume=True)
    with pytest.raises(SettingsError, match="other settings"):
        training.run(adversarial(1), tmp_path / "run", 4, save_every=1, resume=True)
    (tmp_path / "run" / training.CHECKPOINT).write_bytes(b"half a checkpoint")
    with pytest.raises(WeightsError, match="not a whole checkpoint"):
        training.run(supervised(), tmp_path / "run", 4, save_every=1, resume=True)


def test_a_run_of_an_earlier_version_is_refused(tmp_path):
    training.run(supervised(), tmp_path / "run", 1, save_every=1)
    checkpoint = tmp_path / "run" / training.CHECKPOINT
    saved = torch.load(checkpoint, weights_only=True)
    saved["state"]["chance"] = saved["state"].pop("generator")
    torch.save(saved, checkpoint)
    with pytest.raises(SettingsError, match="a run of an earlier version, which cannot be resumed"):
        training.run(supervised(), tmp_path / "run", 2, save_every=1, resume=True)


@pytest.mark.slow
def test_killed_while_saving_leaves_the_last_checkpoint_usable(tmp_path):
    script = (
        "import sys; from pathlib import Path; from trainings import supervised; "
        "from ofx_reenact.training.loop import run; "
        "run(supervised(), Path(sys.argv[1]), 10**6, save_every=1)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run")], env=environment)
    checkpoint = tmp_path / "run" / training.CHECKPOINT
    seen, patience = set(), time.monotonic() + 900
    while len(seen) < 3 and time.monotonic() < patience:
        # Each checkpoint is a new file that takes the last one's place.
        with contextlib.suppress(OSError):
            seen.add(checkpoint.stat().st_mtime_ns)
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    step, points = torch.load(checkpoint, weights_only=True)["step"], []
    training.run(supervised(), tmp_path / "run", step + 2, save_every=1, resume=True, observe=points.append)
    assert step > 1 and [point.step for point in points] == [step + 1, step + 2]
