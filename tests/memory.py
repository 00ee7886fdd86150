"""A folder in memory, where the system has one: a killed process loses nothing of it, nobody pulls
the plug in these tests, and hundreds of commits are fast."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def memory_folder() -> Iterator[Path]:
    """The folder, gone in the end."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)
