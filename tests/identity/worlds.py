"""Small invented worlds in which the tests know which records are one person."""

import random
from collections.abc import Iterable

import polars as pl

FIRST = (
    "Olivia Emma Grace Helen Robert William Thomas Daniel Priya Carlos Ingrid Omar Ruth Samuel "
    "Victoria Henry Lucas Maria George Diane Fatima Kenneth Nora Stella Arjun Mateo Clara Brian"
).split()
LAST = [
    a + b
    for a in (
        "Ash",
        "Bram",
        "Cald",
        "Dun",
        "Elm",
        "Farn",
        "Glen",
        "Hart",
        "Kirk",
        "Lock",
        "Mor",
        "Norr",
        "Pem",
        "Quin",
        "Red",
        "Sel",
        "Thorn",
        "Wal",
    )
    for b in ("berg", "dale", "field", "ham", "ley", "ridge", "son", "wick", "worth")
]
TOWNS = "Cedarville Honeyport Mapleton Ravenmont Silverdale Otterbrook Flintburg Sageton".split()
COLUMNS = (
    "source_system",
    "source_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "date_of_birth",
    "address_line1",
    "city",
    "state",
    "zip_code",
    "gender",
    "registered_at",
)

Row = dict[str, str | None]


def person(number: int, seed: int = 0) -> Row:
    """Returns the true details of one invented person."""
    draw = random.Random(seed * 1_000_003 + number)
    first, last = draw.choice(FIRST), draw.choice(LAST)
    return {
        "first_name": first,
        "last_name": last,
        "email": f"{first}.{last}{draw.randrange(10_000)}@example.com".lower(),
        "phone": f"{draw.randrange(200, 999)}-{draw.randrange(200, 999)}-"
        f"{draw.randrange(10_000):04d}",
        "date_of_birth": f"{draw.randrange(1940, 2005)}-{draw.randrange(1, 13):02d}-"
        f"{draw.randrange(1, 29):02d}",
        "address_line1": f"{draw.randrange(1, 900)} {draw.choice(LAST)} Street",
        "city": draw.choice(TOWNS),
        "state": "OH",
        "zip_code": f"{draw.randrange(1001, 99_000):05d}",
        "gender": None,
        "registered_at": f"202{draw.randrange(5)}-{draw.randrange(1, 13):02d}-10 12:00:00",
    }


def record(system: str, key: str, truth: Row, **changes: str | None) -> Row:
    return {**truth, **changes, "source_system": system, "source_id": key}


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(COLUMNS, pl.String))


def world(people: int, seed: int = 0) -> pl.DataFrame:
    """Returns everybody once from the CRM, half of them again from a web shop that knows less."""
    rows = []
    for number in range(people):
        truth = person(number, seed)
        rows.append(record("crm", f"C{number}", truth))
        if number % 2:
            again = record(
                "workbooks",
                f"{number:06d}",
                truth,
                date_of_birth=None,
                address_line1=None,
                zip_code=None,
            )
            if number % 6 == 1:
                again["email"] = f"other{number}@example.org"
            elif number % 6 == 3:
                again["phone"] = None
            rows.append(again)
    return frame(rows)


def partition(identities: pl.DataFrame) -> set[frozenset[tuple[str, str]]]:
    """Returns which records are together, regardless of the ids that they got."""
    people: dict[str, set[tuple[str, str]]] = {}
    for key, name in ids(identities).items():
        people.setdefault(name, set()).add(key)
    return {frozenset(together) for together in people.values()}


def ids(identities: pl.DataFrame) -> dict[tuple[str, str], str]:
    return {
        (system, key): name
        for system, key, name in identities.select(
            "source_system", "source_id", "customer_id"
        ).iter_rows()
    }
