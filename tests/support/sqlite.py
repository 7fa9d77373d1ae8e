"""SQLite databases for tests: one is migrated, the others are copies."""

import shutil
from pathlib import Path

from broker.storage import migrate


def migrated_sqlite(directory: Path) -> Path:
    """An empty SQLite database at the newest version, to be copied."""
    path = directory / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


def copied_sqlite(template: Path, directory: Path) -> str:
    """A copy of it; returns its address."""
    shutil.copyfile(template, directory / "broker.db")
    return f"sqlite:///{directory / 'broker.db'}"
