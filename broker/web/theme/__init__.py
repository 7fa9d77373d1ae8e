"""How the stylesheet is made. Nothing here runs in the broker."""
