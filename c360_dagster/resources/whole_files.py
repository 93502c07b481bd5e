"""Files that are replaced whole: who reads meanwhile has the old content or the new one."""

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
