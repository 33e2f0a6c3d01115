"""Read the studio's certificate and key for C2PA signatures, and the certificates that it trusts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ofx_reenact.errors import ReenactError


@dataclass(frozen=True)
class Credentials:
    """Certificate and key that sign.

    Attributes:
        chain: certificates (PEM), the signer's own first.
        key: private key (PEM).
        algorithm: C2PA's name of the signature algorithm, as ``es256``.
        name: the signer, as its certificate names it.
    """

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str
    name: str


def load_c2pa() -> Any:
    """Import the C2PA library.

    Raises:
        ReenactError: it is not installed.
    """
    try:
        import c2pa
    except ImportError as error:
        raise ReenactError("C2PA needs c2pa-python; pip install 'ofx-reenact[provenance]'") from error
    return c2pa


def read_credentials(certificate: Path, key: Path) -> Credentials:
    """Read certificate chain and private key; check that they belong together and are valid today.

    Raises:
        ReenactError: a file cannot be used, the certificate is not valid today, or the key is not the certificate's.
    """
    load_c2pa()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    chain = _read(certificate)
    own = _certificates(chain, certificate)[0]
    secret = _read(key)
    try:
        private = load_pem_private_key(secret, None)
    except TypeError as error:
        raise ReenactError(f"{key}: the key is locked with a passphrase; give one that is not") from error
    except Exception as error:
        # The library raises several types of error for a file that is not a key.
        raise ReenactError(f"{key}: not a private key in PEM") from error
    if private.public_key() != own.public_key():
        raise ReenactError(f"{key}: not the key of {certificate}; its own certificate must come first in that file")
    now = datetime.now(timezone.utc)
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        span = f"{own.not_valid_before_utc:%Y-%m-%d} to {own.not_valid_after_utc:%Y-%m-%d}"
        raise ReenactError(f"{certificate}: the certificate is valid from {span}, not today")
    return Credentials(chain, secret, _algorithm(private, key), own.subject.rfc4514_string())


def read_trusted(path: Path) -> str:
    """Read the trusted certificates (PEM).

    Raises:
        ReenactError: the file cannot be read, or has no certificates.
    """
    text = _read(path)
    _certificates(text, path)
    return text.decode("ascii", "ignore")


def _certificates(content: bytes, path: Path) -> list[Any]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(content)
    except ValueError as error:
        raise ReenactError(f"{path}: not certificates in PEM") from error


def _algorithm(private: Any, path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ec.EllipticCurvePrivateKey):
        by_size = {256: "es256", 384: "es384", 521: "es512"}
        if private.curve.key_size in by_size and private.curve.name.startswith("secp"):
            return by_size[private.curve.key_size]
    if isinstance(private, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise ReenactError(f"{path}: C2PA does not sign with a key of this kind; take ECDSA P-256, RSA or Ed25519")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReenactError(f"{path}: cannot be read ({error.strerror})") from error
