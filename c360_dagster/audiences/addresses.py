"""Checks web addresses; members may only be sent to an encrypted or a local one."""

from urllib.parse import SplitResult, urlsplit

THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}


def check_url(text: str) -> str:
    """The address as it is, or a ValueError that says what would do and not what it is."""
    if _split(text) is None:
        raise ValueError(
            "it must be an address that begins with http:// or https://, without spaces, letters "
            "beyond ASCII, or a user's name and password"
        )
    return text


def check_address(text: str) -> str:
    """The same of an address that members are sent to, which may be no other's on the way."""
    address = _split(text)
    if not address or (address.scheme == "http" and address.hostname not in THIS_MACHINE):
        raise ValueError(
            "it must be an address that begins with https:// (or http:// and this machine), "
            "because members are personal data, without spaces, letters beyond ASCII, or a user's "
            "name and password"
        )
    return text


def _split(text: str) -> SplitResult | None:
    """The address's parts; None where a request to it could not even be written."""
    try:
        address = urlsplit(text)
        host = (address.hostname or "").encode("idna")
        is_plain = text.isascii() and text.isprintable() and " " not in text
        is_good = is_plain and host and "@" not in address.netloc and address.port != 0
    except ValueError:
        return None
    return address if is_good and address.scheme in {"http", "https"} else None
