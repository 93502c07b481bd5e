"""Stands in for dbt's adapter, so that sqlfluff sees a dispatched macro as a function call."""

from collections.abc import Callable


def dispatch(name: str, _package: str) -> Callable[..., str]:
    return lambda *arguments: f"{name}({', '.join(arguments)})"


def quote(name: str) -> str:
    return f'"{name}"'
