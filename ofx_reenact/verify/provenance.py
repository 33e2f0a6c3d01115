"""The check of what frames say of themselves: that they say it, and that number, pixels and sidecar agree."""

from __future__ import annotations

from ofx_reenact.frames.digest import LOSSY
from ofx_reenact.provenance import SOURCE_TYPE
from ofx_reenact.provenance.agreement import disagreements
from ofx_reenact.provenance.attributes import FACE, FRAME, MADE_OF, PIXELS, SOURCE
from ofx_reenact.verify.look import Look
from ofx_reenact.verify.subject import Subject

# What every frame says; and what those of the first version do not.
ALWAYS = ("Software", SOURCE, *(f"reenact:{name}" for name in (
    "version", "weights_sha256", "fdgan_sha256", "target", "driver", "consent_id", "job", "confidence",
)))  # fmt: skip
LATER = {
    FRAME: "its number", PIXELS: "a digest of its pixels", FACE: "how the driver's face was found",
    MADE_OF: "what it was made from",
}  # fmt: skip
_VERSION = "reenact:version"


def compare_frames(subject: Subject) -> tuple[list[tuple[int, str]], list[tuple[int, str]], list[tuple[int, str]]]:
    """Compare each frame with its number, its pixels and the sidecar.

    Returns what is wrong, what cannot be told because the frames do not say it, and what should be known, each with its
    frame.
    """
    wrong, untold, known = [], [], []
    # What one frame of a version says, all of that version do.
    saying = {name: {one.made.get(_VERSION) for one in subject.whole if name in one.made} for name in LATER}
    for one in subject.whole:
        wrong += [(one.frame, f"no attribute {name}") for name in ALWAYS if name not in one.made]
        if one.made.get(SOURCE, SOURCE_TYPE) != SOURCE_TYPE:
            wrong.append((one.frame, f"{SOURCE} is {one.made[SOURCE]}"))
        found = disagreements(one.frame, one.digest, one.made, subject.sidecar.said)
        wrong += [(one.frame, text) for text in found]
        for name, what in LATER.items():
            if name in one.made or not any(saying.values()):
                continue
            if one.made.get(_VERSION) in saying[name] and not (name == PIXELS and _is_lossy(one)):
                wrong.append((one.frame, f"no attribute {name}, as other frames have"))
            else:
                untold.append((one.frame, f"does not hold {what}"))
        if not str(one.made.get("Software", "ofx-reenact")).startswith("ofx-reenact"):
            known.append((one.frame, f"the file was written again by {one.made['Software']}"))
    if subject.whole and not any(saying.values()):
        untold += [(one.frame, "rendered by a version that did not keep numbers and digests") for one in subject.whole]
    return wrong, untold, known


def _is_lossy(one: Look) -> bool:
    return one.header is not None and one.header.compression.partition(":")[0] in LOSSY
