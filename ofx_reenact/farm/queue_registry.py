"""The queues that a job can be written for. A new queue is a module here and an entry of ``QUEUES``."""

from __future__ import annotations

from ofx_reenact.farm.bundle import BUNDLE
from ofx_reenact.farm.deadline import DEADLINE
from ofx_reenact.farm.opencue import OPENCUE
from ofx_reenact.farm.queue import Queue
from ofx_reenact.farm.slurm import SLURM

QUEUES: tuple[Queue, ...] = (BUNDLE, DEADLINE, OPENCUE, SLURM)
