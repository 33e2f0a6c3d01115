"""`bench frame`: which times of a host's frame are measured, and that the transfer is a part of the whole."""

import json

import pytest

from ofx_reenact.bench.host_frame import HANDED, RENDERED, WAY
from ofx_reenact.cli.main import run


@pytest.mark.slow
def test_frames_of_a_host(capsys, tmp_path):
    line = ["bench", "frame", "--size", "256", "--frames", "3", "--runs", "1", "--device", "cpu"]
    assert run([*line, "--folder", str(tmp_path), "--json"]) == 0
    assert not list(tmp_path.iterdir())
    rows = json.loads(capsys.readouterr().out)["tables"]["handed"]
    took = {(row["target"], row["what"]): row for row in rows}
    assert set(took) == {(kind, what) for kind in ("still", "moving") for what in (HANDED, WAY, RENDERED)}
    for kind in ("still", "moving"):
        assert 0 < took[kind, WAY]["milliseconds"] < took[kind, HANDED]["milliseconds"]
        assert took[kind, WAY]["samples"] == took[kind, HANDED]["samples"] == 2 and took[kind, RENDERED]["share"] == 1
