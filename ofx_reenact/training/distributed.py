"""One training in many processes, a GPU each: what each learns from its own batches is averaged before every step.

``torchrun`` starts the processes and says in their environment which of them is which; without it there is one, and
nothing here does anything. All hold the same networks. The first one measures, writes and prints.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from ofx_reenact.errors import ReenactError, SettingsError

_ENVIRONMENT = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
# The others wait for as long as the first one measures. Who died is not waited for: torchrun ends all.
_PATIENCE = timedelta(hours=6)
# Seconds in which torchrun, which looks ten times a second, has ended those that keep silent.
_SILENCE = 20.0


@dataclass(frozen=True)
class Group:
    """The processes of one training, as the one of number ``rank`` (from 0) of ``size`` sees them."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process measures, writes and prints."""
        return self.rank == 0

    def chance(self, seed: int) -> np.random.Generator:
        """Chance of this process; the first one's is that of a training in one."""
        return np.random.default_rng(seed if self.first else [seed, self.rank])

    def average(self, optimiser: torch.optim.Optimizer) -> None:
        """Average over the processes the gradients with which an optimiser is about to step, in place.

        Raises:
            ReenactError: another process has ended.
        """
        if self.size == 1:
            return
        parameters = (p for group in optimiser.param_groups for p in group["params"])
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        self._together(dist.all_reduce, flat)
        flat /= self.size
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view(gradient.shape))

    def align(self, state: Mapping[str, Any]) -> None:
        """Give the tensors of a state the values that they have in the first process, in place.

        Raises:
            ReenactError: another process has ended.
        """
        for tensor in _tensors(state) if self.size > 1 else ():
            whole = tensor.contiguous()
            self._together(dist.broadcast, whole, 0)
            tensor.copy_(whole)

    def gather(self, value: Any) -> list[Any]:
        """Return every process's value, in order.

        Raises:
            ReenactError: another process has ended.
        """
        values = [value] * self.size
        if self.size > 1:
            self._together(dist.all_gather_object, values, value)
        return values

    def wait(self) -> None:
        """Wait until all are here.

        Raises:
            ReenactError: another process has ended.
        """
        self.gather(None)

    def _together(self, talk: Callable[..., object], *arguments: Any) -> None:
        try:
            talk(*arguments)
        except RuntimeError as error:
            raise ReenactError(
                f"process {self.rank} of {self.size} has lost the others ({str(error).splitlines()[0]}): one of them "
                "has ended, or was ended for want of memory; --resume goes on from the last checkpoint"
            ) from error


ALONE = Group()


@contextmanager
def joined(device: str) -> Iterator[Group]:
    """Join the processes that torchrun started, and leave together; ``ALONE`` where it did not.

    On ``cuda`` each process on a machine gets a GPU of its own; what is called ``cuda`` is this one from then on.
    Of the processes that fail, the first to do so raises its error and the others end in silence: they fail for
    the same reason, or because one of them has gone.

    Raises:
        SettingsError: fewer GPUs than processes.
    """
    if _alone():
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
        # torchrun ends all once the one that speaks has gone; who is interrupted has been told to go already.
        if not isinstance(error, KeyboardInterrupt):
            time.sleep(_SILENCE)
        raise SystemExit(1) from None


def refuse(training: str) -> None:
    """Refuse a training that knows only one process where torchrun started several: each would do the same.

    Raises:
        SettingsError: several processes were started.
    """
    if not _alone():
        raise SettingsError(f"{training} runs in one process: start it without torchrun")


def _alone() -> bool:
    return any(name not in os.environ for name in _ENVIRONMENT) or os.environ["WORLD_SIZE"] == "1"


def _join(store: dist.Store, rank: int, size: int, device: str) -> None:
    cuda = torch.device(device).type == "cuda"
    if cuda:
        local, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= gpus:
            raise SettingsError(f"torchrun --nproc-per-node: {gpus} GPUs here, and one is needed for each process")
        torch.cuda.set_device(local)
    # Plain values go from CPU to CPU, so both kinds are needed where there are GPUs.
    backend = "cpu:gloo,cuda:nccl" if cuda and dist.is_nccl_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_PATIENCE)


def _failed_before(store: dist.Store) -> bool:
    """Whether another process has failed before this one."""
    try:
        return store.add("failed", 1) > 1
    except RuntimeError:
        # Who holds the store has gone.
        return True


def _tensors(state: Any) -> Iterable[Tensor]:
    """Tensors in dictionaries and lists, in order."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, Mapping):
        for value in state.values():
            yield from _tensors(value)
    elif isinstance(state, Sequence) and not isinstance(state, str):
        for value in state:
            yield from _tensors(value)
