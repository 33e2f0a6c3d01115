"""Damage every kind of file that is read, thousands of times; each is read, or refused in a sentence.

``OMP_NUM_THREADS=1 PYTHONPATH=tests python tests/fuzz/fuzz.py --cases 3000 --seed 1`` prints what became of each kind,
as JSON. A case that ends in anything but a ReenactError, takes more than a minute of a processor or more memory than
it may is a failure.
"""

import argparse
import collections
import contextlib
import json
import random
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from doors import CASES, Door, doors

from ofx_reenact.errors import ReenactError

# Seconds of a processor, and bytes beyond what is taken before the first case.
LONGEST, MOST = 60, 3 << 30
SHOWN = 20


class TooLong(BaseException):
    """A case took too long."""


def run(cases: int, seed: int, only: str = "") -> dict[str, object]:
    """Return counts by kind, and what failed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = [door for door in doors(folder) if only in door.kind]
        for door in kinds:
            door.read(door.path)
        _limit_memory()
        shares = sum(door.share for door in kinds)
        counts: dict[str, dict[str, int]] = {}
        failures: list[dict[str, object]] = []
        for door in kinds:
            found = counts.setdefault(door.kind, collections.Counter())
            sound = door.path.read_bytes()
            for number in range(round(cases * door.share / shares)):
                ended, said = _try(door, sound, random.Random(f"{seed} {door.kind} {number}"))
                found[ended] += 1
                if said:
                    print(f"{door.kind}, case {number}: {said}", file=sys.stderr, flush=True)
                    failures.append({"kind": door.kind, "case": number, "error": said})
            door.path.write_bytes(sound)
    return {"seed": seed, "cases": sum(sum(found.values()) for found in counts.values()), "counts": counts,
            "failures": failures}  # fmt: skip


def _try(door: Door, sound: bytes, rng: random.Random) -> tuple[str, str]:
    """Damage a file once and read it; returns how that ended, and what is wrong with that."""
    door.path.write_bytes(rng.choice(door.damage)(sound, rng))
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        with contextlib.redirect_stderr(None):
            door.read(door.path)
        return "read", ""
    except ReenactError as error:
        message = str(error)
        fine = "\n" not in message.strip() and len(message) < 2000
        return "refused", "" if fine else f"no sentence: {message[:300]!r}"
    except TooLong:
        return "failed", "took too long"
    except BaseException as error:
        return "failed", "".join(traceback.format_exception(error)[-3:]) + repr(error)[:300]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory() -> None:
    size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST, size + MOST))


def _stop(number: int, frame: object) -> None:
    raise TooLong


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of the name of the kinds to do")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, _stop)
    made = run(chosen.cases, chosen.seed, chosen.only)
    failed = made.pop("failures")
    print(json.dumps(made | {"failed": len(failed), "failures": failed[:SHOWN]}, indent=1))
    sys.exit(1 if failed else 0)
