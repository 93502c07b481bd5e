"""Stand-ins for dbt's adapter: a dispatched macro looks like a call of a function of its name."""

from collections.abc import Callable


def dispatch(name: str, _package: str) -> Callable[..., str]:
    return lambda *arguments: f"{name}({', '.join(arguments)})"


def quote(name: str) -> str:
    return f'"{name}"'
