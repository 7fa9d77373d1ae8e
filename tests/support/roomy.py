"""Where the tests keep their files: in memory, where a machine has plenty of it.

A test on PostgreSQL gets a database of its own, which is some six hundred small files. Making those takes a disk more than
a second and memory less than a tenth of one, and no test asks what is left after a power cut: that is for `tests.bench`
and `tests.crash`, which stay on the disk.
"""

import os
import tempfile
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
ENOUGH = 6 << 30
"""Bytes that must be free in it and in the machine: ten times what a run was seen to need."""


def keep_files_in_memory() -> None:
    """From now on `tempfile` makes its folders in memory, here and in every process started from here.

    Not where somebody chose a folder (`TMPDIR`), where there is too little room, or where programs may not be run from it.
    """
    if "TMPDIR" in os.environ or not roomy(MEMORY):
        return
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


def roomy(folder: Path) -> bool:
    """Whether this folder is in memory, may be written and run from, and has ENOUGH."""
    mounted = next((part for part in psutil.disk_partitions(all=True) if part.mountpoint == str(folder)), None)
    if mounted is None or mounted.fstype != "tmpfs" or "noexec" in mounted.opts.split(","):
        return False
    free = min(psutil.disk_usage(str(folder)).free, psutil.virtual_memory().available)
    return os.access(folder, os.W_OK | os.X_OK) and free >= ENOUGH
