"""An engine that behaves as it is told: good, or bad in one way. Standard library only.

``python bad_engine.py MODE FOLDER``: what it is asked goes to ``FOLDER/requests`` line by line, and its own number,
arguments and environment to ``FOLDER/starts``. A good one gives each picture back with every byte turned around.
"""

import json
import mmap
import os
import random
import sys
import time
from pathlib import Path

# The version is as the C code was built for. Tests import this module, too, for its tale.
MODE, _folder, VERSION = sys.argv[1:4] if __name__ == "__main__" else ("", "", "")
FOLDER = Path(_folder)
TALE = "Tracking failed in frame 12: “100 %s” of %n \\ the driver's face is \"away\"; name another."
_TURNED = bytes(255 - byte for byte in range(256))


def say(**event):
    print(json.dumps(event), flush=True)


def turn(pixels):
    """Make the result: each byte of the picture turned around; the rest of the mapping stays."""
    number = os.open(pixels["mapping"], os.O_RDWR)
    status = os.fstat(number)
    assert status.st_mode & 0o777 == 0o600 and status.st_size >= pixels["size"], oct(status.st_mode)
    with mmap.mmap(number, status.st_size) as memory:
        source, result = pixels["source"], pixels.get("result")
        row = pixels["width"] * 4 * (4 if pixels["depth"] == "float" else 2)
        holdout = pixels.get("holdout")
        for line in range(pixels["height"]):
            start = source["offset"] + line * source["stride"]
            picture = memory[start : start + row]
            assert len(picture) == row
            if holdout:
                first = holdout["offset"] + line * holdout["stride"]
                width = row // 4 * holdout["channels"]
                assert len(memory[first : first + width]) == width
            if result:
                start = result["offset"] + line * result["stride"]
                memory[start : start + row] = picture.translate(_TURNED)
    os.close(number)


def write(*parts):
    """Write bytes as they are."""
    for part in parts:
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()


def die(number, line):
    os._exit(9)


def hang(number, line):
    time.sleep(900)


def refuse(number, line):
    say(event="error", id=number, message=TALE, code=1)


def give_no_reason(number, line):
    say(event="error", id=number, message={"a": 1}, code="seven")


def be_strange(number, line):
    say(event="done", id=number - 1)
    say(event="birthday", id=None)
    write(b'{"event": "done", "id": "%d"}\n' % number, b"[1, 2]\n", b'"done"\n', line + b"\n")


def say_bytes(number, line):
    write(*(bytes([byte]) for byte in line + b"\n"))


def say_too_much(number, line):
    write(b'{"event": "alive", "id": 1, "message": "', *([b"x" * (1 << 20)] * 20))


def make_noise(number, line):
    write(bytes(byte for byte in range(256) if byte != 10) * 20 + b"\n", b"\0\0\0\n", line + b"\n")


def go_deep(number, line):
    write(b'{"event": "alive", "a": ' + b"[" * 5000 + b"]" * 5000 + b"}\n", line + b"\n")


def say_nothing(number, line):
    write(b"\n" * 1000, b"{}\n", b"{\n", line[:-1] + b"\n", b'{"event": "error", "id": %d}\n' % number)


def be_late(number, line):
    for _ in range(5):
        say(event="alive", id=number)
        time.sleep(0.03)
    write(line + b"\n")


def misunderstand(number, line):
    say(event="error", id=None, message="not a request: it has no id", code=2)


def say_null(number, line):
    say(event=None, id=number)
    say(event="error", id=number, message=None, code=None)


def break_off(number, line):
    write(line[: len(line) // 2])
    os._exit(0)


def go_on(number, line):
    say(event="progress", id=number, stage="render", done=5, total=-3, frame=1e300, message=[], rate="", eta={})
    say(event="progress", id=number, done="1", total=2)
    write(line[:10])
    time.sleep(0.02)
    write(line[10:] + b"\n" + b"more that nobody asked for\n")


def be_good(number, line):
    write(line + b"\n")


# How it answers a job, and whether it has made the picture first.
WAYS = {
    "good": (be_good, True), "refuses": (refuse, False), "no reason": (give_no_reason, False), "dies": (die, False),
    "hangs": (hang, False), "strange": (be_strange, True), "bytes": (say_bytes, True), "long": (say_too_much, False),
    "noise": (make_noise, True), "deep": (go_deep, True), "empty": (say_nothing, False), "late": (be_late, True),
    "wrong id": (misunderstand, False), "null": (say_null, False), "cut": (break_off, False),
    "half done": (go_on, True),
}  # fmt: skip


def answer(mode, request):
    """Answer a request that is a job."""
    number, (way, makes) = request["id"], WAYS[mode]
    done = {"event": "done", "id": number, "state": "tracked", "confidence": 1.0, "parts": {}, "notes": []}
    say(event="progress", id=number, stage="render", done=0, total=2, frame=1, message="", rate=None, eta=None)
    if makes and "pixels" in request:
        turn(request["pixels"])
    way(number, json.dumps(done).encode())


def greet():
    if MODE == "dead":
        sys.exit("ModuleNotFoundError: No module named 'ofx_reenact'")
    if MODE == "mute":
        time.sleep(900)
    if MODE == "garbage":
        write(b"Welcome to another program!\n" * 1000)
        time.sleep(900)
    if MODE == "binary":
        write(os.urandom(1 << 20).replace(b"\n", b""), *([bytes(1 << 20)] * 30))
        time.sleep(900)
    protocol, version = (2 if MODE == "protocol" else 1), ("9.9" if MODE == "version" else VERSION)
    say(event="hello", protocol=protocol, version=version, pid=os.getpid())


def main():
    with (FOLDER / "starts").open("a") as file:
        said = {"pid": os.getpid(), "arguments": sys.argv[4:], "environment": dict(os.environ)}
        file.write(json.dumps(said) + "\n")
    print("a library that talks", file=sys.stderr, flush=True)
    greet()
    chance, waiting = random.Random(os.getpid()), None
    for line in sys.stdin:
        with (FOLDER / "requests").open("a") as file:
            file.write(line)
        request = json.loads(line)
        mode = MODE
        if MODE == "any":
            # Only a frame that nobody cancels is waited for by somebody who can give up.
            mode = chance.choice((*sorted(set(WAYS) - {"hangs"}), *(["waits"] * (request["do"] == "frame"))))
        if mode == "dies once":
            mode = "good" if (FOLDER / "died").exists() else "dies"
            (FOLDER / "died").touch()
        if request["do"] == "quit":
            return
        if request["do"] == "cancel":
            if waiting is not None:
                say(event="cancelled", id=waiting, written=[])
                waiting = None
            say(event="done", id=request["id"])
        elif mode == "waits":
            # For the cancellation; of the next job, where there is none.
            waiting = request["id"]
        elif mode == "waits once" and not (FOLDER / "waited").exists():
            (FOLDER / "waited").touch()
            waiting = request["id"]
        else:
            answer("good" if mode.startswith("waits") else mode, request)


if __name__ == "__main__":
    main()
