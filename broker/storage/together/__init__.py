"""Releases that come at the same time, in one transaction: facts in one trip, rows in one trip, one commit.

Each release is decided by itself, by the very use case that also decides it alone; only the trips to the database are shared.
"""
