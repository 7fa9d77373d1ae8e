"""A client's certificate, as a proxy that ended TLS hands it on, and its thumbprint.

Whether the certificate is trusted is not asked here: that it is the same one counts (RFC 8705 section 3), and that the
proxy saw the private key used.
"""

import base64
import hashlib
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from broker.crypto.encoding import b64url

_LARGEST = 16_384


def certificate_thumbprint(value: str) -> str:
    """`x5t#S256` of the certificate in a header: SHA-256 over its DER (RFC 8705 section 3.1). Raises ValueError.

    `:base64:` is `Client-Cert` (RFC 9440 section 2.2); percent-encoded PEM is what nginx has (`$ssl_client_escaped_cert`).
    """
    if len(value) > _LARGEST:
        raise ValueError("too long for a certificate")
    if value.startswith("-----BEGIN%20"):
        der = x509.load_pem_x509_certificate(unquote_to_bytes(value)).public_bytes(Encoding.DER)
    elif len(value) > 2 and value[0] == value[-1] == ":":
        der = base64.b64decode(value[1:-1], validate=True)
        x509.load_der_x509_certificate(der)
    else:
        raise ValueError("no certificate")
    return b64url(hashlib.sha256(der).digest())
