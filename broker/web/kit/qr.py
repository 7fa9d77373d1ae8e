"""An address as a QR that a phone reads from a screen and from paper: one small picture, sharp at every size."""

import segno


def qr_picture(address: str) -> str:
    """The picture as a `data:` address. The level of correction is the highest that its version has room for."""
    return str(segno.make(address, error="l", micro=False).png_data_uri(scale=4, border=4))
