"""Where members may be sent: over an encrypted line, or to a program on this machine."""

from urllib.parse import urlsplit

THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}


def check_address(text: str) -> str:
    """The address as it is, or a ValueError that says what would do."""
    try:
        address = urlsplit(text)
        host = address.hostname or ""
        is_good = address.scheme == "https" or (address.scheme == "http" and host in THIS_MACHINE)
    except ValueError:
        is_good, host = False, ""
    if not is_good or not host:
        raise ValueError(
            "it must be an address that begins with https:// (or http:// and this machine), "
            "because members are personal data"
        )
    return text
