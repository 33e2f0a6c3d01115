"""C2PA signatures beside a sequence: ``O.1001.c2pa`` signs ``O.1001.exr``, which stays unchanged.

Nothing here uses the network, so no server adds a time stamp: a signature is valid as long as its certificate is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ofx_reenact.errors import FrameError, OutputError, ReenactError, SettingsError
from ofx_reenact.files import write_whole
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.digest import pixels_sha256
from ofx_reenact.frames.names import files_of, frame_path
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.provenance.agreement import find_disagreements
from ofx_reenact.provenance.analysis_files import find_contradictions
from ofx_reenact.provenance.attributes import read_attributes
from ofx_reenact.provenance.credentials import Credentials, load_c2pa
from ofx_reenact.provenance.manifest import EXR, FACTS, facts_of, manifest_of, named_inputs, sidecar_facts
from ofx_reenact.provenance.sidecar import Sidecar, sidecar_path

SUFFIX = ".c2pa"
_UNTRUSTED, _EXPIRED = "signingCredential.untrusted", "signingCredential.expired"
_OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False}
# C2PA's codes in plain words.
_MEANING = {
    "assertion.dataHash.mismatch": "its bytes are not those that were signed",
    _UNTRUSTED: "its certificate does not lead back to one that is trusted",
    _EXPIRED: "its certificate does not hold today",
    "claimSignature.mismatch": "the signature is not that of its certificate",
    "assertion.hashedURI.mismatch": "its manifest was changed after it was signed",
}


@dataclass(frozen=True)
class Verdict:
    """The result for one file.

    Attributes:
        path: of the frame, or of another file beside it.
        problems: why the signature is not valid; empty if it is.
        signer: the name in the certificate; empty if it cannot be read.
        facts: the signed facts of the frame; empty if they cannot be read.
    """

    path: Path
    problems: tuple[str, ...]
    signer: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def sign_sequence(
    output: str, credentials: Credentials, frames: FrameRange | None = None, existing: str = "error"
) -> tuple[FrameRange, FrameRange]:
    """Sign frames, each with a manifest beside it. All frames are checked before the first is signed.

    Args:
        output: the sequence, as ``O.####.exr``.
        credentials: of the studio.
        frames: to sign; None: all that exist.
        existing: what to do with existing signatures: ``error``, ``skip`` or ``overwrite``.

    Returns:
        Frames signed, and frames skipped.

    Raises:
        ReenactError: a frame does not exist, is not whole, has no provenance attributes, or contradicts the sidecar; or
            C2PA does not accept the certificate.
        OutputError: a signature exists already, or cannot be written.
    """
    chosen = frames or _existing_frames(output)
    signed = FrameRange.of(f for f in chosen if frame_path(output, f).with_suffix(SUFFIX).exists())
    if signed and existing == "error":
        raise OutputError(f"{output}: frames {signed} are signed already; use --existing skip or overwrite")
    skipped = signed if existing == "skip" else FrameRange(())
    sidecar = Sidecar.load(sidecar_path(output))
    if wrong := find_contradictions(sidecar, Path(output).parent):
        raise ReenactError(wrong[0])
    manifests = {frame: _manifest(output, frame, sidecar) for frame in chosen - skipped}
    for frame, manifest in manifests.items():
        _sign(frame_path(output, frame), manifest, credentials)
    return chosen - skipped, skipped


def verify_sequence(output: str, trusted: str, frames: FrameRange | None = None) -> tuple[Verdict, ...]:
    """Check that each frame is as it was signed, as this frame of this sequence, by a trusted signer.

    Args:
        output: the sequence, as ``O.####.exr``.
        trusted: certificates (PEM) that the signers' must lead back to.
        frames: to check; None: all that exist.

    Returns:
        A verdict for each frame, and one for each other file (signature, sidecar) that contradicts them.

    Raises:
        FrameError: there are no frames of this name.
    """
    chosen = frames or _existing_frames(output)
    found = [_verify(frame_path(output, frame), frame, trusted) for frame in chosen]
    made_from = Counter(_origin(verdict) for verdict in found if verdict.facts)
    usual = made_from.most_common(1)[0][0] if made_from else ""
    stray = ("signed as part of another sequence, or made from other inputs than most frames here",)
    found = [v if v.problems or _origin(v) == usual else replace(v, problems=stray) for v in found]
    return (*found, *_left_over(output), *_contradicting(output, found))


def read_signature(path: Path, trusted: str = "") -> Verdict:
    """Read a frame's signature and compare it with the frame.

    ``trusted`` are the certificates (PEM) that the signer's must lead back to; empty: any signer is accepted.

    Raises:
        ReenactError: the C2PA library is not installed.
    """
    c2pa = load_c2pa()
    settings = {"verify": {**_OFFLINE, "verify_trust": bool(trusted)}}
    signature = path.with_suffix(SUFFIX)
    try:
        manifest = signature.read_bytes()
    except OSError as error:
        return Verdict(path, (f"not signed: {signature.name} cannot be read ({error.strerror})",))
    try:
        context = c2pa.Context.from_dict(settings | ({"trust": {"trust_anchors": trusted}} if trusted else {}))
        with path.open("rb") as file, c2pa.Reader(EXR, file, manifest, context) as reader:
            report = json.loads(reader.json())
    except OSError as error:
        return Verdict(path, (f"cannot be read ({error.strerror})",))
    except c2pa.C2paError as error:
        return Verdict(path, (f"{signature.name} is damaged, or no C2PA manifest ({error})",))
    return _to_verdict(path, report, trusted)


def _to_verdict(path: Path, report: Mapping[str, Any], trusted: str) -> Verdict:
    """Turn the C2PA library's report into a verdict."""
    active = report.get("manifests", {}).get(report.get("active_manifest"), {})
    certificate = active.get("signature_info") or {}
    signer = ", ".join(filter(None, (certificate.get("common_name"), certificate.get("issuer"))))
    signed: Any = next((a["data"] for a in active.get("assertions", ()) if a["label"] == FACTS), None)
    facts = signed if isinstance(signed, dict) else {}
    failures = report.get("validation_results", {}).get("activeManifest", {}).get("failure", ())
    by_code = {failure["code"]: failure.get("explanation", "not valid") for failure in failures}
    # An expired certificate is not trusted either: that second problem would mislead.
    if not trusted or _EXPIRED in by_code:
        by_code.pop(_UNTRUSTED, None)
    problems = [_MEANING.get(code) or f"{explanation} ({code})" for code, explanation in by_code.items()]
    good = ("Trusted",) if trusted else ("Trusted", "Valid")
    if not problems and report.get("validation_state") not in good:
        problems = [f"C2PA calls its signature {report.get('validation_state')}"]
    return Verdict(path, tuple(problems), signer, facts)


def _verify(path: Path, frame: int, trusted: str) -> Verdict:
    """Check one frame's signature, frame number and file name."""
    if not path.is_file():
        return Verdict(path, ("no such file",))
    verdict = read_signature(path, trusted)
    if verdict.problems:
        return verdict
    if verdict.facts.get("frame") != frame:
        return replace(verdict, problems=(f"signed as frame {verdict.facts.get('frame', 'none of a sequence')}",))
    signed = _signed_name(verdict)
    return verdict if signed == path.name else replace(verdict, problems=(f"signed as {signed}",))


def _signed_name(verdict: Verdict) -> str:
    """Return the frame's file name when it was signed; the sequence's name may be written with #### or %04d."""
    output = str(verdict.facts.get("output"))
    try:
        return frame_path(output, verdict.facts["frame"]).name
    except SettingsError:
        return f"a frame of {output}"


def _origin(verdict: Verdict) -> str:
    """Return the signed facts that all frames of a sequence have in common (output and inputs), as JSON."""
    return json.dumps([verdict.facts.get(name) for name in ("output", "inputs")], sort_keys=True)


def _left_over(output: str) -> list[Verdict]:
    """Return verdicts on signatures whose frames are gone."""
    signatures = files_of(str(Path(output).with_suffix(SUFFIX)))
    suffix = Path(output).suffix
    return [Verdict(p, ("its frame is gone",)) for p in signatures if not p.with_suffix(suffix).exists()]


def _contradicting(output: str, found: list[Verdict]) -> list[Verdict]:
    """Return a verdict on the sidecar, if it exists and contradicts what was signed."""
    path = sidecar_path(output)
    good = [verdict.facts for verdict in found if not verdict.problems]
    if not good or not path.exists():
        return []
    try:
        sidecar = Sidecar.load(path)
        named_inputs(sidecar)
    except ReenactError as error:
        return [Verdict(path, (str(error),))]
    others: dict[str, list[int]] = {}
    for facts in good:
        for name, value in sidecar_facts(facts["frame"], sidecar).items():
            if name in facts and facts[name] != value:
                others.setdefault(name, []).append(facts["frame"])
    if "inputs" in others:
        return [Verdict(path, ("names other inputs than those that were signed",))]
    problems = (f"{name} of frames {FrameRange.of(frames)} is not what was signed" for name, frames in others.items())
    return [Verdict(path, tuple(problems))] if others else []


def _manifest(output: str, frame: int, sidecar: Sidecar) -> str:
    """Check a frame and return its manifest."""
    path = frame_path(output, frame)
    attributes = read_attributes(path)
    pixels = pixels_sha256(read_channels(path)[1])
    try:
        facts = facts_of(output, frame, attributes, sidecar)
    except ReenactError as error:
        raise ReenactError(f"{path}: {error}") from error
    if found := find_disagreements(frame, pixels, attributes, sidecar):
        raise FrameError(f"{path}: {'; '.join(found)}; render it again")
    return manifest_of(path.name, facts)


def _sign(path: Path, manifest: str, credentials: Credentials) -> None:
    c2pa = load_c2pa()
    info = c2pa.C2paSignerInfo(
        alg=credentials.algorithm, sign_cert=credentials.chain, private_key=credentials.key, ta_url=None
    )
    try:
        with c2pa.Signer.from_info(info) as signer, path.open("rb") as file:
            builder = c2pa.Builder(manifest)
            builder.set_no_embed()
            signature = builder.sign(signer, EXR, file)
    except c2pa.C2paError as error:
        raise ReenactError(f"{path}: C2PA does not sign with this certificate ({error})") from error
    with write_whole(path.with_suffix(SUFFIX)) as partial:
        partial.write_bytes(signature)


def _existing_frames(output: str) -> FrameRange:
    frame_path(output, 1)
    return Sequence.open(output).frames
