"""Replaces files in one step: a reader sees either the old content or the new."""

import contextlib
import os
from pathlib import Path


def replace_file(path: Path, content: bytes | str) -> None:
    """Writes to a file named for this process and renames it: two processes at once are safe."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def sync_to_disk(*paths: Path) -> None:
    """Returns when the files are on the disk, so that they survive a loss of power."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        # Some network shares can sync files but not folders.
        refused = contextlib.suppress(OSError) if path.is_dir() else contextlib.nullcontext()
        try:
            with refused:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
