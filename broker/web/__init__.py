"""The pages: server-rendered, in plain words, the same on a phone without scripts as on a desk."""

from broker.web.console import ConsoleServices
from broker.web.install import install_web, page_for
from broker.web.kit.site import Site

__all__ = ["ConsoleServices", "Site", "install_web", "page_for"]
