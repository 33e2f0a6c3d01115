"""Where a frame comes from: EXR attributes, one sidecar a sequence, C2PA signatures, the consent of who is shown."""

from ofx_reenact.provenance.attributes import NO_CONSENT, NO_FDGAN, SOURCE_TYPE, frame_attributes, job_name
from ofx_reenact.provenance.consent import Consent, read_consent
from ofx_reenact.provenance.sidecar import SCHEMA, beside, read_sidecar, sidecar_path, versions, write_sidecar

__all__ = [
    "NO_CONSENT", "NO_FDGAN", "SCHEMA", "SOURCE_TYPE", "Consent", "beside", "frame_attributes", "job_name",
    "read_consent", "read_sidecar", "sidecar_path", "versions", "write_sidecar",
]  # fmt: skip
