"""One training in several processes, a GPU each: gradients are averaged over the processes before every step.

``torchrun`` starts the processes and numbers them in their environment; without it there is one process, and nothing
here does anything. All processes hold the same networks. The first one measures, writes and prints.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ofx_reenact.errors import ReenactError, SettingsError

_ENVIRONMENT = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
# The other processes wait for as long as the first one measures. torchrun ends all of them if one dies.
_TIMEOUT = timedelta(hours=6)
# Seconds that a failed process waits silently for torchrun, which looks ten times a second, to end it.
_SILENCE = 20.0


@dataclass(frozen=True)
class Group:
    """The processes of one training, seen from the process with number ``rank`` (from 0) of ``size``."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process measures, writes and prints."""
        return self.rank == 0

    def rng(self, seed: int) -> np.random.Generator:
        """Return this process's random generator; the first one's is the same as in a training with one process."""
        return np.random.default_rng(seed if self.first else [seed, self.rank])

    def average_gradients(self, module: nn.Module) -> nn.Module:
        """Wrap a module for calling, so that backward averages its gradients over the processes.

        All processes get the first one's parameters. In a group of one the module itself is returned.

        Raises:
            ReenactError: another process has ended.
        """
        if self.size == 1:
            return module
        # Ablations leave parameters unused. Searching for unused parameters also fixes the order of gradients in DDP's
        # buckets, so that a resumed run sums them as an uninterrupted one does. torch warns once if all are used.
        with self.connected():
            return DistributedDataParallel(module, find_unused_parameters=True)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, in order.

        Raises:
            ReenactError: another process has ended.
        """
        values = [value] * self.size
        if self.size > 1:
            with self.connected():
                dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Wait until all processes are here.

        Raises:
            ReenactError: another process has ended.
        """
        self.gather(None)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Turn torch's error of a lost connection into one that names the process and says what to do.

        Raises:
            ReenactError: another process has ended.
        """
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not _is_lost_connection(error):
                raise
            raise ReenactError(
                f"process {self.rank} of {self.size} has lost the others ({str(error).splitlines()[0]}): one of them "
                "has ended, perhaps for lack of memory; --resume goes on from the last checkpoint"
            ) from error


ALONE = Group()


@contextmanager
def join_group(device: str) -> Iterator[Group]:
    """Join the processes that torchrun started, and leave together; ``ALONE`` without torchrun.

    On ``cuda`` each process on a machine gets a GPU of its own, which the name ``cuda`` then means in this process.
    If several processes fail, the first to do so raises its error and the others end silently: they fail for the same
    reason, or because one of them has gone.

    Raises:
        SettingsError: fewer GPUs than processes.
    """
    if _is_alone():
        yield ALONE
        return
    store, rank, size = next(dist.rendezvous("env://"))
    try:
        _join(store, rank, size, device)
        group = Group(rank, size)
        yield group
        group.wait()
        dist.destroy_process_group()
    except BaseException as error:
        if not _failed_before(store):
            raise
        # torchrun ends all processes once the one that raises has gone; on an interrupt it is ending them already.
        if not isinstance(error, KeyboardInterrupt):
            time.sleep(_SILENCE)
        raise SystemExit(1) from None


def refuse_several(training: str) -> None:
    """Refuse to run a training for one process where torchrun started several: each would do the same.

    Raises:
        SettingsError: several processes were started.
    """
    if not _is_alone():
        raise SettingsError(f"{training} runs in one process: start it without torchrun")


def _is_alone() -> bool:
    return any(name not in os.environ for name in _ENVIRONMENT) or os.environ["WORLD_SIZE"] == "1"


def _is_lost_connection(error: RuntimeError) -> bool:
    """Return whether the connection to another process was lost; gloo has no error class for that, only a message."""
    return isinstance(error, dist.DistError) or any(word in str(error) for word in ("gloo", "Connection closed"))


def _join(store: dist.Store, rank: int, size: int, device: str) -> None:
    cuda = torch.device(device).type == "cuda"
    if cuda:
        local, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= gpus:
            raise SettingsError(f"torchrun --nproc-per-node: {gpus} GPUs here, and each process needs one: start fewer")
        torch.cuda.set_device(local)
    # Plain values are sent from CPU to CPU, so a machine with GPUs needs both backends.
    backend = "cpu:gloo,cuda:nccl" if cuda and dist.is_nccl_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_TIMEOUT)


def _failed_before(store: dist.Store) -> bool:
    """Return whether another process has failed before this one, and count this failure."""
    try:
        return store.add("failed", 1) > 1
    except RuntimeError:
        # The process that holds the store has gone.
        return True
