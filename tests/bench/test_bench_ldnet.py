"""`bench ldnet`: the time of a performance."""

import json

import pytest
from narrow import linear_parameters

from ofx_reenact.cli.main import run
from ofx_reenact.ldnet.network import LDNet


def test_bench_gives_the_time_of_a_performance(capsys):
    assert run(["bench", "ldnet", "--frames", "200", "--runs", "3", "--device", "cpu", "--json"]) == 0
    (speed,) = json.loads(capsys.readouterr().out)["tables"]["speeds"]
    assert speed["what"] == "LD-Net, 200 frames, float32" and speed["milliseconds"] > 0 and speed["ratio"] > 0
    weights = linear_parameters(LDNet().pose_encoder) + linear_parameters(LDNet().generator)
    assert speed["gflop"] == pytest.approx(2 * weights * 201 / 1e9, rel=0.01), "one row more: the target's own"
    assert run(["bench", "ldnet", "--frames", "200", "--runs", "3", "--device", "cpu"]) == 0
    assert "200 frames, float32" in capsys.readouterr().out
