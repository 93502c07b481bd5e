"""Replaces files in one step: a reader sees either the old content or the new."""

import contextlib
import os
from pathlib import Path


def replace_file(path: Path, content: bytes | str) -> None:
    """Written aside under a name of this process, so that two at once are safe, too."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def settle(*paths: Path) -> None:
    """On the disk when it returns: also a machine that loses power then leaves it there."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        # Some shares settle files and no folders.
        refused = contextlib.suppress(OSError) if path.is_dir() else contextlib.nullcontext()
        try:
            with refused:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
