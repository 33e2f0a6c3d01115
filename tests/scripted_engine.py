"""An engine that behaves as it is told: the link's other end in tests of what can go wrong. Standard library only."""

import json
import os
import sys
import time
from pathlib import Path

MODE = sys.argv[1]
VERSION = sys.argv[2]
REPORT = {
    "output": "/o.####.exr", "written": [1], "skipped": [], "held": [], "black": [], "bridged": [], "faceless": [],
    "absent": [], "failed": {}, "warnings": [], "colour_space": "ACEScg", "colour_reason": "", "reference": 1,
    "confidence": {"1": 0.9}, "sidecar": "", "preview": None, "seconds": 0.1, "device": "cpu",
}  # fmt: skip
ANALYSED = {
    "performance": "", "identity": "", "first": 1, "last": 1, "reference": 1, "tracked": "1", "bridged": "", "held": "",
    "absent": "", "confidence": 0.9, "size": [64, 48], "fps": "",
}  # fmt: skip


def say(**event):
    print(json.dumps(event), flush=True)


def make_missing(settings, line):
    """Write what a render of a moving target keeps, where it is not there."""
    for name in ("performance", "target_performance", "identity", "parts_file"):
        path = settings.get(name)
        if path and not Path(path).exists():
            Path(path).write_text(line)


def done(do, request, line):
    """Do a request; returns what came of it. A performance's file is like no other."""
    if do == "job":
        command = ["-m", "ofx_reenact", "job", "task", request["file"], "render"]
        Path(request["file"]).write_text(line)
        return {"name": request["name"], "file": request["file"], "command": command}
    if do == "curves":
        return {"frames": [1], "rotation": {"yaw": [0.0]}, "blendshapes": {}}
    if do == "landmarks":
        return {"size": [64, 48], "frames": {"1": [[1.0, 2.0]] * 68}}
    if do == "analyse" and request.get("fresh") is False:
        make_missing(request["settings"], line)
        return {**ANALYSED, "performance": request["settings"]["performance"]}
    if do in ("render", "preview") and "target_performance" in request["settings"]:
        make_missing(request["settings"], line)
        return {**REPORT, "parts": [1], "plain": [1, 2]}
    if do in ("analyse", "place"):
        path = request["output"] if do == "place" else request["settings"]["performance"]
        Path(path).write_text(line)
        return {**ANALYSED, "performance": path, "hand_made": "1" if do == "place" else ""}
    return REPORT


def main():
    print("a library that talks", file=sys.stderr, flush=True)
    if MODE == "mute":
        time.sleep(900)
    if MODE == "dead":
        sys.exit("ModuleNotFoundError: No module named 'ofx_reenact'")
    say(event="hello", protocol=2 if MODE == "protocol" else 1, version=VERSION, pid=os.getpid())
    job = None
    for line in sys.stdin:
        request = json.loads(line)
        do, number = request["do"], request["id"]
        if do == "quit":
            say(event="done", id=number)
            return
        if do == "cancel" and MODE in ("cancellable", "analyses"):
            say(event="cancelled", id=job, written=[1, 2])
        if do == "cancel":
            continue
        job = number
        say(event="progress", id=number, stage="render", done=1, total=4, frame=1, message="", rate=2.0, eta=1.5)
        print("a line of another library's", flush=True)
        while MODE == "chatty":
            say(event="progress", id=number, stage="render", done=1, total=4, frame=1, message="", rate=None, eta=None)
            time.sleep(0.02)
        if MODE == "refuse":
            say(event="error", id=number, message="/none.exr: no such file", code=1)
        elif MODE == "fall":
            os._exit(9)
        elif MODE == "fails":
            say(event="done", id=number, **{**REPORT, "failed": {"2": "the disk is full"}})
        elif MODE == "fine" or (MODE == "analyses" and do == "analyse"):
            say(event="done", id=number, **done(do, request, line))



main()
