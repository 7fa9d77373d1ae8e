"""The headers of every answer that a browser shows: nothing foreign is loaded, framed, guessed or kept.

- No inline script or style runs, so text that somebody else wrote cannot become code.
- `Referrer-Policy: same-origin` tells other sites nothing, and keeps `Origin` in our own forms (`no-referrer`
  would make it `null`; Fetch standard, "append a request Origin header"), which older phones have nothing else for.
"""

from fastapi import Response

from broker.web.kit.site import Site

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_FEATURES = ("camera", "microphone", "geolocation", "payment", "usb", "display-capture", "browsing-topics")


def protect(response: Response, site: Site, *, connect: bool = False, passkeys: bool = False) -> None:
    """Set the security headers. A page that may `connect` may do so with us alone; `passkeys` lets it ask a device for one."""
    headers = response.headers
    headers["Content-Security-Policy"] = (
        _POLICY + ("; connect-src 'self'" if connect else "") + ("; media-src 'self'" if site.recordings else "")
    )
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    own = ("publickey-credentials-get=(self)", "publickey-credentials-create=(self)") if passkeys else ()
    headers["Permissions-Policy"] = ", ".join((*(f"{feature}=()" for feature in _FEATURES), *own))
    headers["X-Robots-Tag"] = "noindex, nofollow"
    headers.setdefault("Cache-Control", "no-store")
    if site.secure:
        headers["Strict-Transport-Security"] = "max-age=63072000"
