"""``doctor``: what is there, what is missing, and what to do."""

import json

from ofx_reenact.cli import doctor
from ofx_reenact.cli.main import run
from ofx_reenact.resources import SHIPPED


def test_doctor(capsys):
    assert run(["doctor", "--json"]) == 0
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert findings["models/face_landmarker.task"]["status"] == "ok"
    assert findings["weights/ldnet.safetensors"]["status"] == "ok"
    assert "commercially" in findings["tracker dlib"]["detail"]


def test_doctor_finds_what_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(SHIPPED, "weights/gone.safetensors", "0" * 64)
    monkeypatch.setitem(SHIPPED, "demo/target.jpg", "0" * 64)
    monkeypatch.setenv("OCIO", "/nowhere.ocio")
    assert run(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "gone.safetensors is missing" in said and "target.jpg is damaged" in said and "unset it" in said


def test_doctor_names_metal(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    (found,) = doctor.look_at_device()
    assert found.detail.endswith("finds no CUDA device, but Metal: use it with --device mps")
