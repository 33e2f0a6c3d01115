"""`bench fdgan`: speeds and ratios of the networks."""

import itertools
import json

import pytest

from ofx_reenact.cli.main import run
from ofx_reenact.training.loop import has_bf16


def test_bench_gives_ratios(capsys):
    assert run(["bench", "fdgan", "--runs", "3", "--device", "cpu", "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)["tables"]["speeds"]
    assert ("bfloat16 is left out" in said.err) != has_bf16("cpu")
    precisions = {"float32", "bfloat16"} if has_bf16("cpu") else {"float32"}
    works = itertools.product(("translator 256×256", "window 128×96"), precisions)
    assert {s["what"] for s in found} == {", ".join(names) for names in works}
    assert all(
        s["ratio"] > 0 and s["gflop"] == pytest.approx(5.5 if "256" in s["what"] else 1.1, abs=0.1) for s in found
    )
