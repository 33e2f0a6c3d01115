"""The public interface for tool developers; ``docs/python.md`` shows how to use it.

All other modules may change from one version to the next.
"""

from ofx_reenact.engine.loader import open_shot, track_performance
from ofx_reenact.engine.render_job import Report, render_sequence
from ofx_reenact.errors import ReenactError
from ofx_reenact.progress import Progress
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.shot import Shot
from ofx_reenact.tracking.performance import Performance

__all__ = [
    "Frame",
    "Performance",
    "Progress",
    "ReenactError",
    "Report",
    "Settings",
    "Shot",
    "open_shot",
    "render_sequence",
    "track_performance",
]
