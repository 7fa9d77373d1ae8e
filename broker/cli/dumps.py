"""A broker that crashes leaves no core dump, and nobody but root can look into it: its memory holds keys and content.

- `RLIMIT_CORE` 0: the kernel writes no core file, and children that are started inherit that.
- On Linux also `PR_SET_DUMPABLE` 0: no dump to a crash handler either (core_pattern with a pipe passes over the
  limit), and no other process of the same user may attach to it or read its memory (prctl(2), core(5), ptrace(2)).
"""

import ctypes
import os
import resource
import sys

from broker.errors import Unsafe, Words

PR_SET_DUMPABLE = 4


def no_dumps() -> None:
    """Hold for this process until it ends. Raises Unsafe where the system does not do it."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except (OSError, ValueError):
        raise Unsafe(
            Words(
                "Dit systeem laat niet toe dat geheugen buiten crashbestanden blijft. De broker start zo niet.",
                "This system does not let memory be kept out of crash dumps. The broker does not start like that.",
            )
        ) from None
