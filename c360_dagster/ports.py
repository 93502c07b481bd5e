"""Checks whether an address of this machine is free before a server is started there."""

import socket

from c360_dagster.settings import SettingsError


def refuse_taken(host: str, port: int, verb: str) -> None:
    """Raises SettingsError if another server listens there; `verb` is the command for ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
        try:
            probe.bind((host, port))
        except OSError as problem:
            raise SettingsError(
                f"http://{host}:{port} cannot be opened ({problem.strerror}): another `{verb}` "
                "is running, or another program uses that port. Stop it, and start this one "
                "again."
            ) from None
