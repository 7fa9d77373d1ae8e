"""Rondom: releases encrypted case summaries only when signed consent and the agreed policy both say yes."""

__version__ = "0.1.0"
