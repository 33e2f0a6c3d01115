"""How a frame was made: EXR attributes, one sidecar per sequence, C2PA signatures, consent of the person shown."""

from ofx_reenact.provenance.attributes import (
    NO_CONSENT,
    NO_FDGAN,
    SOURCE_TYPE,
    frame_attributes,
    job_name,
    read_provenance,
)
from ofx_reenact.provenance.consent import Consent, read_consent
from ofx_reenact.provenance.sidecar import FrameEntry, Input, Sidecar, beside, option_of, sidecar_path, versions
from ofx_reenact.provenance.sources import MadeOf, Source

__all__ = [
    "NO_CONSENT", "NO_FDGAN", "SOURCE_TYPE", "Consent", "FrameEntry", "Input", "MadeOf", "Sidecar", "Source", "beside",
    "frame_attributes", "job_name", "option_of", "read_consent", "read_provenance", "sidecar_path", "versions",
]  # fmt: skip
