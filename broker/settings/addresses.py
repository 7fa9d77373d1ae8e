"""Whether an address can stand in a setting."""

import re
from urllib.parse import SplitResult, urlsplit

LOCAL = ("localhost", "127.0.0.1", "::1")


def parts_of(address: str) -> SplitResult | None:
    """A public address taken apart: scheme, host and port, and nothing else; None for any other."""
    try:
        parts = urlsplit(address)
        whole = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return None
    plain = address.lower().replace("[", "").replace("]", "")
    return parts if parts.scheme in ("http", "https") and parts.hostname and plain == whole else None


def safe_address(address: str) -> bool:
    """Whether an address, which may have a path, begins with https, or is on this machine."""
    try:
        parts = urlsplit(address)
        plain = parts.hostname and parts.username is None and not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        return False
    return bool(plain) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL))


def neutral(address: str) -> bool:
    """Whether an address can stand in a header and a page, and says nothing by itself: https, a host, at most a path."""
    plain = re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?", address)
    return plain is not None and safe_address(address)
