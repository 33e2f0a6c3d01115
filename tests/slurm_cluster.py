"""A Slurm of its own on this machine: one controller, two nodes, a munge daemon, all in one folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "squeue", "scancel")
_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 Port={one} CPUs=1 State=UNKNOWN
NodeName=two NodeHostname={host} NodeAddr=127.0.0.1 Port={two} CPUs=1 State=UNKNOWN
PartitionName=all Nodes=one,two Default=YES MaxTime=60 State=UP
"""


def why_not() -> str:
    """Say why there can be no Slurm here; empty if there can."""
    missing = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    if missing:
        return f"Slurm is not installed here (slurm-wlm and munge): no {', '.join(missing)}"
    return "" if os.geteuid() == 0 else "Slurm's daemons need root here"


class Cluster:
    """Starts the daemons, and ends those that it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        (folder / "state").mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        ports = dict(zip(("ctld", "one", "two"), _free_ports(3), strict=True))
        conf = _CONF.format(host=socket.gethostname().partition(".")[0], folder=folder, user="root", **ports)
        (folder / "slurm.conf").write_text(conf)
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": _path()}
        self._daemons: list[subprocess.Popen] = []
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def ask(self, *command: str) -> str:
        """Run one of Slurm's commands."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def wait(self, seconds: float) -> None:
        """Wait until no job is left."""
        until = time.monotonic() + seconds
        while self.ask("squeue", "--noheader").strip():
            assert time.monotonic() < until, self.ask("squeue", "--long")
            time.sleep(0.5)

    def stop(self) -> None:
        """End the daemons."""
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in reversed(self._daemons):
            try:
                daemon.wait(15)
            except subprocess.TimeoutExpired:
                daemon.kill()

    def _start(self) -> None:
        folder = self.folder
        files = (f"--{name}-file={folder}/munge.{name}" for name in ("key", "log", "pid", "seed"))
        # Forced, since a test's folders are closed to others.
        munge = ("munged", "--foreground", "--force", "--num-threads=2", f"--socket={folder}/munge.socket")
        self._daemon(*munge, *files)
        until = time.monotonic() + 120
        while not (folder / "munge.socket").exists():
            assert time.monotonic() < until and self._daemons[0].poll() is None, (folder / "0-munged.out").read_text()
            time.sleep(0.1)
        self._daemon("slurmctld", "-D")
        self._daemon("slurmd", "-D", "-N", "one")
        self._daemon("slurmd", "-D", "-N", "two")
        until = time.monotonic() + 300
        while self._idle() < 2:
            if time.monotonic() > until or any(daemon.poll() is not None for daemon in self._daemons):
                said = "\n".join(path.read_text(errors="replace")[-1500:] for path in folder.glob("*.out"))
                pytest.skip(f"Slurm does not start here: {said}")
            time.sleep(0.5)

    def _idle(self) -> int:
        done = subprocess.run(
            ["sinfo", "--noheader", "--Node", "--states=idle", "--format=%N"],
            env=self.environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return len(set(done.stdout.split()))

    def _daemon(self, *command: str) -> None:
        with (self.folder / f"{len(self._daemons)}-{command[0]}.out").open("wb") as log:
            self._daemons.append(
                subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            )


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _free_ports(count: int) -> list[int]:
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [door.getsockname()[1] for door in doors]
    for door in doors:
        door.close()
    return ports
