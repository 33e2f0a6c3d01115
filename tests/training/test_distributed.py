"""One training in two processes: torchrun starts them here as it does on GPUs, on the CPU and with tiny networks.

torchrun runs this file itself in each process.
"""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from narrow import narrow, small
from trainings import stop_at

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.weights import load_portrait
from ofx_reenact.training import loop as training
from ofx_reenact.training.distributed import ALONE, Group, join_group
from ofx_reenact.training.fdgan import features, portrait, recipe_base, repair
from ofx_reenact.training.fdgan.data import face_set as faces
from ofx_reenact.training.fdgan.data import pair_set
from ofx_reenact.training.fdgan.data.packed_pictures import pack
from ofx_reenact.training.fdgan.data.warped_pairs import Pair

SIZE, PAIRS, PEOPLE = 32, 40, 4


def pairs_file(path: Path) -> Path:
    """Pairs of noise, one in eight for validation."""
    rng = np.random.default_rng(0)
    noise = lambda: rng.random((SIZE, SIZE, 3)).astype(np.float32)  # noqa: E731
    packed = []
    for _ in range(PAIRS):
        points = rng.random((68, 2))
        packed += pair_set.pack_pair(Pair(1, noise(), points, noise(), noise(), points, noise()))
    landmarks = (rng.random((2, PAIRS, 68, 2)) * SIZE).astype(np.float32)
    np.savez(
        path, schema=np.asarray(pair_set.SCHEMA), person=np.arange(PAIRS) % 8, people=np.asarray(list("abcdefgh")),
        terms=np.asarray(["CC0"]), kind=np.full(PAIRS, pair_set.REVERSE), finer=np.ones(PAIRS, int),
        validation=np.arange(PAIRS) % 8 == 0,
        target_landmarks=landmarks[0], landmarks=landmarks[1], bytes=np.concatenate(packed),
        offsets=np.cumsum([0, *map(len, packed)]),
    )  # fmt: skip
    return path


def faces_file(path: Path) -> Path:
    """Two views of each of some people of noise, the last for validation."""
    rng = np.random.default_rng(0)
    packed = [pack(rng.integers(0, 255, (SIZE, SIZE, 3), np.uint8)) for _ in range(2 * PEOPLE)]
    np.savez(
        path, schema=np.asarray(faces.SCHEMA), size=np.asarray(SIZE), person=np.repeat(np.arange(PEOPLE), 2),
        validation=np.repeat(np.arange(PEOPLE) == PEOPLE - 1, 2), terms=np.asarray(["CC0"]),
        people=np.asarray(list("abcdefgh")[:PEOPLE]),
        landmarks=(rng.random((2 * PEOPLE, 68, 2)) * SIZE).astype(np.float32), bytes=np.concatenate(packed),
        offsets=np.cumsum([0, *map(len, packed)]),
    )  # fmt: skip
    return path


def repair_recipe(out: Path, group: Group, seed: int = 0, **changes) -> repair.RepairRecipe:
    settings = repair.RepairSettings(batch=2, bf16=False, **changes)
    pairs = pair_set.PairSet(out.parent / "pairs.npz")
    return repair.RepairRecipe(settings, pairs, out, small(seed), group)


def with_random_features(patch: pytest.MonkeyPatch) -> None:
    """Replace MobileNetV2 by a random one where its weights are not installed."""
    if find_spec(features.PACKAGE) is None:
        torch.manual_seed(0)
        network = features.Features().eval().requires_grad_(False)
        patch.setattr(features, "load_features", lambda: network)


# What each process runs


def work(folder: Path, group: Group, patch: pytest.MonkeyPatch) -> None:
    """Train by both recipes; each process leaves its networks in a file of its own."""
    with_random_features(patch)
    once = repair_recipe(folder / "once", group, seed=group.rank, critic_from=1.0)
    training.run(once, folder / "once", 1, save_every=1, group=group)
    left = {"gradients": [p.grad for p in once.network.parameters()]}

    whole, broken, resumed = (repair_recipe(folder / name, group) for name in ("whole", "broken", "broken"))
    training.run(whole, folder / "whole", 4, save_every=2, group=group)
    stop_at(broken, 3)
    with pytest.raises(KeyboardInterrupt):
        training.run(broken, folder / "broken", 4, save_every=2, group=group)
    training.run(resumed, folder / "broken", 4, save_every=2, resume=True, group=group)
    left |= {name: recipe.state() for name, recipe in (("whole", whole), ("resumed", resumed))}

    patch.setattr(PortraitNetwork, "ablation", lambda name: PortraitNetwork(*narrow(3, 6, 3)))
    settings = portrait.PortraitSettings(batch=2, bf16=False)
    points = []
    once = training.Run(folder / "portrait", observe=lambda _, point: points.append(point), group=group)
    portrait.train_portrait(once, str(folder / "faces.npz"), settings, steps=1)
    torch.save(left | {"points": len(points)}, folder / f"left{group.rank}.pt")


if __name__ == "__main__":
    with join_group("cpu") as us, pytest.MonkeyPatch.context() as patch:
        work(Path(sys.argv[1]), us, patch)


FAILING = """
from ofx_reenact.training.distributed import join_group
from ofx_reenact.errors import SettingsError

with join_group("cpu") as group:
    if not group.first:
        raise SettingsError("out of memory with --batch 8")
    group.wait()
"""


LOST = """
import os, sys
from pathlib import Path
import torch
from ofx_reenact.training.distributed import join_group
from ofx_reenact.training.loop import run
from ofx_reenact.training.recipe import Recipe, descend

class Small(Recipe):
    parts = ()

    def __init__(self, group):
        self.group, network = group, torch.nn.Linear(9, 9)
        self.called, self.optimiser = group.average_gradients(network), torch.optim.SGD(network.parameters())

    def step(self, number, steps):
        if number == 2 and not self.group.first:
            os._exit(9)
        descend(self.called(torch.ones(4, 9)).sum(), self.optimiser)
        return {}

    def about(self):
        return {}

    measure = about

with join_group("cpu") as group:
    run(Small(group), Path(sys.argv[1]), 9, save_every=9, group=group)
"""


def torchrun(logs: Path, *command: str) -> tuple[int, list[str], list[str]]:
    """Start two processes; returns torchrun's exit code, and stdout and stderr of each of the two."""
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*line, "--log-dir", str(logs), "--redirects", "3", *command],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, timeout=2400, check=False,
    )  # fmt: skip
    texts = [[p.read_text() for p in sorted(logs.rglob(name))] for name in ("stdout.log", "stderr.log")]
    assert len(texts[0]) == len(texts[1]) == 2, done.stderr.decode()
    return done.returncode, *texts


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, list[dict]]:
    """Where two processes have trained, and what each of them left."""
    folder = tmp_path_factory.mktemp("trained")
    pairs_file(folder / "pairs.npz")
    faces_file(folder / "faces.npz")
    code, _, errors = torchrun(folder / "logs", __file__, str(folder))
    assert code == 0, errors
    return folder, [torch.load(folder / f"left{rank}.pt", weights_only=True) for rank in (0, 1)]


@dataclass(frozen=True)
class Apart(Group):
    """One of two processes that run one after the other, each without the other's gradients."""

    def average_gradients(self, module):
        return module


@pytest.mark.slow
def test_two_processes_learn_from_the_mean_of_their_gradients(trained, monkeypatch):
    folder, left = trained
    with_random_features(monkeypatch)
    clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda parameters, norm: None)
    recipes = [repair_recipe(folder / "apart", Apart(rank, 2), critic_from=1.0) for rank in (0, 1)]
    for recipe in recipes:
        recipe.step(0, 1)
    parameters = [list(recipe.network.parameters()) for recipe in recipes]
    for mine, other in zip(*parameters, strict=True):
        mine.grad.add_(other.grad).div_(2)
    clip(parameters[0], repair.MAX_NORM)
    largest = max(p.grad.abs().max() for p in parameters[0])
    for mine, theirs in zip(parameters[0], left[0]["gradients"], strict=True):
        assert torch.allclose(mine.grad, theirs, atol=1e-4 * float(largest))
    for a, b in zip(left[0]["gradients"], left[1]["gradients"], strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
def test_processes_hold_the_same_networks_and_a_random_generator_of_their_own(trained):
    _, left = trained
    for part in ("network", "average", "critic"):
        a, b = (process["whole"][part] for process in left)
        assert all(torch.equal(a[name], b[name]) for name in a)
    assert left[0]["whole"]["generator"] != left[1]["whole"]["generator"]


@pytest.mark.slow
def test_a_resumed_run_of_two_gives_the_numbers_of_an_unbroken_one(trained):
    folder, left = trained
    for process in left:
        whole, resumed = process["whole"], process["resumed"]
        assert whole["generator"] == resumed["generator"]
        for part in ("network", "average", "critic"):
            assert all(torch.equal(whole[part][name], resumed[part][name]) for name in whole[part])
    again = repair_recipe(folder / "whole", ALONE)
    with pytest.raises(SettingsError, match=r"other settings \(processes\)"):
        training.run(again, folder / "whole", 8, save_every=2, resume=True)


@pytest.mark.slow
def test_only_the_first_process_measures_and_writes(trained):
    folder, left = trained
    assert [process["points"] for process in left] == [1, 0]
    names = [path.name for path in (folder / "portrait").iterdir()]
    events = [name for name in names if name.startswith("events.")]
    others = {"checkpoint.pt", "curves.jsonl", "curves.png", "samples.png", recipe_base.CRITICS, portrait.WEIGHTS}
    assert len(events) == 1 and set(names) == {*others, *events}
    (line,) = (folder / "portrait" / "curves.jsonl").read_text().splitlines()
    assert json.loads(line)["PSNR"] > 0
    assert "1 steps of 4" in load_portrait(folder / "portrait" / "fdgan_portrait.safetensors").metadata["recipe"]


@pytest.mark.slow
def test_an_error_of_all_processes_is_printed_once(tmp_path):
    command = ["-m", "ofx_reenact", "train", "fdgan", "--recipe", "portrait", "--data", "gone.npz", "--device", "cpu"]
    code, outputs, errors = torchrun(tmp_path / "logs", *command, "--out", str(tmp_path / "run"))
    assert code != 0 and "".join(outputs) == "" and not (tmp_path / "run").exists()
    assert "".join(errors).count("error: gone.npz: no such set of faces") == 1 and "Traceback" not in "".join(errors)


@pytest.mark.slow
def test_one_process_that_fails_ends_the_other(tmp_path):
    (tmp_path / "failing.py").write_text(FAILING)
    code, _, errors = torchrun(tmp_path / "logs", str(tmp_path / "failing.py"))
    assert code != 0 and errors[0] == "" and "SettingsError: out of memory with --batch 8" in errors[1]


@pytest.mark.slow
def test_a_process_whose_peer_dies_in_a_step_ends_with_an_error(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "WORLD_SIZE": "2"}
    environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOST, str(tmp_path / "run")], stderr=subprocess.PIPE, text=True,
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in (0, 1)
    ]  # fmt: skip
    errors = [process.communicate(timeout=600)[1] for process in processes]
    assert [process.returncode for process in processes] == [1, 9]
    assert "ReenactError: process 0 of 2 has lost the others" in errors[0]


def test_without_torchrun_there_is_one_process(tmp_path, monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    with join_group("cpu") as group:
        assert group is ALONE and group.first and group.gather(3) == [3]
    assert group.rng(7).random() == np.random.default_rng(7).random()
    assert Group(1, 2).rng(7).random() != group.rng(7).random()
    faces_file(tmp_path / "faces.npz")
    monkeypatch.setattr(PortraitNetwork, "ablation", lambda name: PortraitNetwork(*narrow(3, 6, 3)))
    arguments = ["train", "fdgan", "--recipe", "portrait", "--data", str(tmp_path / "faces.npz"), "--device", "cpu"]
    assert run([*arguments, "--out", str(tmp_path / "run"), "--steps", "1", "--batch", "2"]) == 0
    about, _, _, state = training.read_checkpoint(tmp_path / "run" / training.CHECKPOINT)
    assert "processes" not in about and isinstance(state["generator"], dict)


def test_a_lost_connection_is_an_error_that_names_the_process(monkeypatch):
    def closed(*_):
        raise RuntimeError("Connection closed by peer\nmore")

    monkeypatch.setattr("torch.distributed.all_gather_object", closed)
    with pytest.raises(ReenactError, match=r"process 1 of 2 has lost the others \(Connection closed by peer\)"):
        Group(1, 2).wait()


def test_trainings_for_one_process_refuse_several(tmp_path, monkeypatch, capsys):
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    data = ["--data", str(tmp_path / "heads.npz"), "--out", str(tmp_path / "run")]
    assert run(["train", "ldnet", *data, "--device", "cpu"]) == 2
    assert "start it without torchrun" in capsys.readouterr().err
