"""Every command that writes files refuses to write over its inputs, before it reads them."""

import hashlib
from pathlib import Path

import pytest
from conftest import TARGET

from ofx_reenact.cli.commands import ENTRIES, load
from ofx_reenact.cli.main import run
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import SettingsError
from ofx_reenact.service.jobs import Service
from ofx_reenact.settings import Settings

# No file has valid content: a command that is refused with the right message has not read any.
RENDER = ["--target", "t.exr", "--driver", "d.####.exr"]
REFUSED = {
    "render": [
        [*RENDER, "-o", "d.####.exr", "--existing", "overwrite"],
        [*RENDER, "-o", "d.####.exr", "--existing", "skip", "--frames", "90"],
        ["-t", "t.exr", "-d", "clip.mp4", "-o", "o.####.exr", "--preview", "clip.mp4", "--existing", "overwrite"],
        ["-t", "d.0001.exr", "-d", "clip.mp4", "-o", "d.####.exr", "--frames", "5"],
        [*RENDER, "-o", "o.####.exr", "--consent", "o.reenact.json"],
        [*RENDER, "-o", "o.####.exr", "--landmarks", "o.reenact.json", "--tracker", "file"],
        [*RENDER, "-o", "o.####.exr", "--performance", "t.exr"],
        [*RENDER, "-o", "o.####.exr", "--identity", "w.safetensors", "--fdgan-weights", "w.safetensors"],
        [*RENDER, "-o", "o.####.exr", "--identity", "new.npz", "--performance", "./new.npz"],
        [*RENDER, "-o", "o.####.exr", "--performance", "o.0001.exr"],
        [*RENDER, "-o", "o.####.exr", "--appearance", "a.png,clip.mp4", "--preview", "clip.mp4"],
    ],
    "track": [
        ["--input", "d.####.png", "--output", "p.npz", "--overlay", "d.####.png"],
        ["--input", "clip.mp4", "--output", "clip.mp4"],
        ["--input", "clip.mp4", "--output", "l.json", "--landmarks", "l.json", "--tracker", "file"],
    ],
    "analyse": [[*RENDER, "--performance", "d.0001.exr"], [*RENDER, "--performance", "p.npz", "--identity", "t.exr"]],
    "verify": [["o.####.exr", "--json", "o.0001.exr"], ["o.####.exr", "--json", "o.reenact.json"]],
    "publish": [["o.####.exr", "--json", "o.reenact.json"], ["o.####.exr", "--consent", "l.json", "--json", "l.json"]],
    "performance landmarks": [["--input", "p.npz", "--output", "p.npz"]],
    "performance place": [["--input", "p.npz", "--landmarks", "l.json", "--output", "l.json"]],
    "performance curves": [["--input", "p.npz", "--output", "./p.npz"]],
    "export torchscript": [["--out", "net", "--identity", "i", "--target", "net/cat.json"]],
    "export onnx": [["--output", "t.exr", "--target", "t.exr"], ["--output", "i.npz", "--identity", "i.npz"]],
    "export inputs": [[*RENDER, "-o", "d.####.exr"], [*RENDER, "-o", "o.####.exr", "--landmarks", "o.nk"]],
    "job bundle": [["DIR", "-t", "t.exr", "-d", "d.####.exr", "-o", "d.####.exr", "--frames", "1"]],
    "job slurm": [
        ["farm", "-t", "t.exr", "-d", "d.####.exr", "-o", "o.####.exr", "--frames", "1", "--landmarks", "farm/job.json"]
    ],
    "provenance sign": [["o.####.exr", "--cert", "cert.pem", "--key", "o.0001.c2pa"]],
    "evaluate ldnet": [["--data", "p.npz", "--json", "p.npz"]],
    "evaluate fdgan": [["--data", "p.npz", "--weights", "w.safetensors", "--json", "w.safetensors"]],
    "evaluate reenactment": [["--drivers", "clips", "--report", "r", "--json", "clips/a.mp4"]],
    "evaluate moving": [["--plates", "clips", "--report", "r", "--json", "clips/a.mp4"]],
    "train ldnet": [["--data", "p.npz", "--start", "run/ldnet.safetensors", "--out", "run"]],
    "train fdgan": [
        ["--data", "p.npz", "--critics", "run/critics.safetensors", "--out", "run"],
        ["--data", "run/curves.jsonl", "--out", "./run"],
    ],
    "train identity": [
        ["--target", "t.exr", "--frames", "clips", "--identity", "clips/a.mp4"],
        ["--target", "t.exr", "--frames", "clips", "--identity", "t.exr"],
    ],
    "data tracks": [["--input", "clips", "--out", "clips/a.mp4"]],
    "data crops": [["--input", "clips", "--out", "c.npz", "--sheet", "clips/a.png"]],
    "data pairs": [["--crops", "p.npz", "--out", "p.npz"], ["--heads", "p.npz", "--out", "n", "--sheet", "p.npz"]],
    "data faces": [["--crops", "p.npz", "--out", "p.npz"]],
    "data render-heads": [["--assets", "clips", "--out", "h.npz", "--sheet", "clips/a.png"]],
}  # fmt: skip
# Commands that write nothing, or never replace a file, or run a job that was checked when it was written.
OTHERS = {
    "pyblish-path", "demo", "doctor", "settings", "nuke-path", "ofx-path", "ofx install", "ofx remove",
    "engine serve", "engine start", "engine listen",
    "engine stop", "engine run", "job deadline", "job opencue", "job task", "job run", "job verify", "data heads",
    "bench fdgan", "bench ldnet", "bench stages", "bench memory", "bench scaling", "bench peers", "bench compare",
    "bench start", "bench frame", "bench diff", "consent template", "consent check", "provenance verify",
    "provenance show", "look",
}  # fmt: skip
FILES = (
    "t.exr", "d.0001.exr", "d.0002.exr", "d.0001.png", "clip.mp4", "a.png", "w.safetensors", "p.npz", "i.npz",
    "l.json", "o.0001.exr", "o.reenact.json", "o.0001.c2pa", "o.nk", "net/cat.json", "farm/job.json", "clips/a.mp4",
    "clips/a.png", "run/ldnet.safetensors", "run/critics.safetensors", "run/curves.jsonl",
)  # fmt: skip


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """A working directory with all of FILES, without valid content."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def names() -> set[str]:
    made = {name: load(name) for name in ENTRIES}
    return {f"{name} {inner}".strip() for name, one in made.items() for inner in getattr(one, "commands", ("",))}


def test_every_command_is_in_one_of_the_lists():
    assert names() == {*REFUSED, *OTHERS} and not set(REFUSED) & OTHERS


@pytest.mark.parametrize(
    ("command", "options"), [(command, options) for command, lines in REFUSED.items() for options in lines]
)
def test_no_command_writes_over_what_it_reads(inputs, command, options, capsys):
    before = contents(inputs)
    assert run([*command.split(), *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    assert any(text in said for text in ("would replace", "is also what", "would be a frame of")), said
    assert contents(inputs) == before


def test_engine_requests_and_python_calls_refuse_it_too(inputs):
    settings = {"target": "t.exr", "driver": "d.####.exr", "output": "d.####.exr", "existing": "overwrite"}
    before = contents(inputs)
    requests = [
        (Service.render, {"settings": settings}),
        (Service.analyse, {"settings": {**settings, "output": "", "performance": "d.0002.exr"}}),
        (Service.job, {"settings": {**settings, "frames": "1"}, "file": "job.json"}),
        (Service.job, {"settings": {**settings, "output": "o.####.exr", "frames": "1"}, "file": "d.0001.exr"}),
    ]
    for job, request in requests:
        with pytest.raises(SettingsError, match="would replace"):
            job(Service(), request, lambda step: None)
    with pytest.raises(SettingsError, match=r"--output d\.####\.exr: would replace d\.0001\.exr, which --driver"):
        render_sequence(Settings(**settings))
    assert contents(inputs) == before


def test_a_preview_is_an_mp4_and_replaces_no_file(performance_file, tmp_path, capsys):
    line = ["render", "-t", str(TARGET), "--performance", performance_file, "-o", str(tmp_path / "o.####.exr")]
    line += ["--frames", "30", "--repair", "off"]
    assert run([*line, "--preview", str(tmp_path / "notes.txt")]) == 2
    assert "notes.txt: previews are MP4 files; let the name end in .mp4" in capsys.readouterr().err
    movie = tmp_path / "look.mp4"
    movie.write_bytes(b"mine")
    assert run([*line, "--preview", str(movie)]) == 1
    assert "look.mp4: already exists; choose another --preview" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [movie]
    assert run([*line, "--preview", str(movie), "--existing", "skip"]) == 0
    assert movie.read_bytes() == b"mine" and (tmp_path / "o.0030.exr").exists()
    assert "  preview:" not in capsys.readouterr().out
    assert run([*line, "--preview", str(movie), "--existing", "overwrite"]) == 0
    assert movie.read_bytes() != b"mine" and f"preview: {movie}" in capsys.readouterr().out
