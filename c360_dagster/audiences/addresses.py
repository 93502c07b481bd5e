"""Checks web addresses. Members may only be sent to an encrypted or a local address."""

from urllib.parse import SplitResult, urlsplit

THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}


def check_url(text: str) -> str:
    """Returns the address unchanged. A ValueError says what is accepted, not what was given."""
    if _split(text) is None:
        raise ValueError(
            "it must be an address that begins with http:// or https://, without spaces, letters "
            "beyond ASCII, or a user's name and password"
        )
    return text


def check_address(text: str) -> str:
    """Does the same for an address that members are sent to: nobody may read them on the way."""
    address = _split(text)
    if not address or (address.scheme == "http" and address.hostname not in THIS_MACHINE):
        raise ValueError(
            "it must be an address that begins with https:// (or http:// and this machine), "
            "because members are personal data, without spaces, letters beyond ASCII, or a user's "
            "name and password"
        )
    return text


def _split(text: str) -> SplitResult | None:
    """Returns the address's parts, or None if no request could be sent to it."""
    try:
        address = urlsplit(text)
        host = (address.hostname or "").encode("idna")
        is_plain = text.isascii() and text.isprintable() and " " not in text
        is_good = is_plain and host and "@" not in address.netloc and address.port != 0
    except ValueError:
        return None
    return address if is_good and address.scheme in {"http", "https"} else None
