"""The check of frames' attributes: that they are there, and agree with file number, pixels and sidecar."""

from __future__ import annotations

from ofx_reenact.frames.digest import LOSSY
from ofx_reenact.provenance import SOURCE_TYPE
from ofx_reenact.provenance.agreement import find_disagreements
from ofx_reenact.provenance.attributes import FACE, FRAME, MADE_OF, PIXELS, SOURCE
from ofx_reenact.verify.checked_sequence import CheckedSequence
from ofx_reenact.verify.frame_inspection import InspectedFrame

# Attributes that every frame has, and those that frames of the first version lack: name → what it holds.
ALWAYS = ("Software", SOURCE, *(f"reenact:{name}" for name in (
    "version", "weights_sha256", "fdgan_sha256", "target", "driver", "consent_id", "job", "confidence",
)))  # fmt: skip
LATER = {
    FRAME: "its number", PIXELS: "a digest of its pixels", FACE: "how the driver's face was found",
    MADE_OF: "what it was made from",
}  # fmt: skip
_VERSION = "reenact:version"

Lines = list[tuple[int, str]]


def compare_frames(sequence: CheckedSequence) -> tuple[Lines, Lines, Lines]:
    """Compare each frame's attributes with its number, its pixels and the sidecar.

    Returns:
        Problems, what is unknown because an attribute is missing, and notes: each as (frame, text).
    """
    wrong, unknown, notes = [], [], []
    # Attribute → versions of ofx-reenact. If one frame of a version has it, all frames of that version must have it.
    versions = {name: {one.made.get(_VERSION) for one in sequence.whole if name in one.made} for name in LATER}
    for one in sequence.whole:
        wrong += [(one.frame, f"no attribute {name}") for name in ALWAYS if name not in one.made]
        if one.made.get(SOURCE, SOURCE_TYPE) != SOURCE_TYPE:
            wrong.append((one.frame, f"{SOURCE} is {one.made[SOURCE]}"))
        found = find_disagreements(one.frame, one.digest, one.made, sequence.sidecar.content)
        wrong += [(one.frame, text) for text in found]
        for name, what in LATER.items():
            if name in one.made or not any(versions.values()):
                continue
            if one.made.get(_VERSION) in versions[name] and not (name == PIXELS and _is_lossy(one)):
                wrong.append((one.frame, f"no attribute {name}, as other frames have"))
            else:
                unknown.append((one.frame, f"the header does not tell {what}"))
        if not str(one.made.get("Software", "ofx-reenact")).startswith("ofx-reenact"):
            notes.append((one.frame, f"the file was written again by {one.made['Software']}"))
    if sequence.whole and not any(versions.values()):
        old = "rendered by a version that did not write numbers and digests"
        unknown += [(one.frame, old) for one in sequence.whole]
    return wrong, unknown, notes


def _is_lossy(one: InspectedFrame) -> bool:
    return one.header is not None and one.header.compression.partition(":")[0] in LOSSY
