"""The script that people would write with Faker: the same files and columns, cell by cell.

It runs by itself wherever Faker is installed: `python faker_script.py mix.json folder`. Its amounts
do not add up, unlike the simulator's.
"""

import csv
import json
import random
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from faker import Faker

FIRST, LAST = datetime(2025, 1, 1), datetime(2026, 11, 20)
WORDS = {
    "status": ("completed", "completed", "cancelled", "refunded"),
    "channel": ("store", "online", "mobile"),
    "gender": ("F", "M", ""),
    "currency": ("USD",),
    "payment_method": ("credit_card", "cash", "paypal"),
    "group": ("treatment", "control"),
}


def main() -> None:
    mix = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    folder = Path(sys.argv[2])
    Faker.seed(7)
    random.seed(7)
    fake = Faker()
    began = time.perf_counter()
    for table in mix:
        makers = [choose_maker(fake, name, kind) for name, kind in table["columns"]]
        with (folder / f"{table['name']}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([name for name, _ in table["columns"]])
            for number in range(table["rows"]):
                writer.writerow([make(number) for make in makers])
    seconds = time.perf_counter() - began
    rows = sum(table["rows"] for table in mix)
    sys.stdout.write(json.dumps({"rows": rows, "seconds": seconds}))


def choose_maker(fake: Faker, name: str, kind: str) -> Callable[[int], object]:
    """Returns a function that fills a column, by the fastest of Faker's ways if it has several."""
    by_name: dict[str, Callable[[int], object]] = {
        "first_name": lambda _: fake.first_name(),
        "last_name": lambda _: fake.last_name(),
        "name": lambda _: fake.name(),
        "email": lambda _: fake.email(),
        "phone": lambda _: fake.phone_number(),
        "address_line1": lambda _: fake.street_address(),
        "address": lambda _: fake.street_address(),
        "destination_address": lambda _: fake.street_address(),
        "city": lambda _: fake.city(),
        "location": lambda _: fake.city(),
        "state": lambda _: fake.state_abbr(),
        "zip_code": lambda _: fake.postcode(),
        "country": lambda _: fake.country(),
        "date_of_birth": lambda _: fake.date_of_birth(minimum_age=18, maximum_age=90),
    }
    if name in by_name:
        return by_name[name]
    if name.endswith(("_id", "_number")):
        return lambda number: f"{name[0].upper()}{number:09}"
    by_kind: dict[str, Callable[[int], object]] = {
        "bigint": lambda _: random.randint(0, 100),
        "decimal": lambda _: round(random.uniform(1, 500), 2),
        "boolean": lambda _: random.random() < 0.5,
        "date": lambda _: fake.date_between_dates(date(2025, 1, 1), date(2026, 11, 20)),
        "timestamp": lambda _: fake.date_time_between_dates(FIRST, LAST),
    }
    words = WORDS.get(name, ("one", "two", "three", "four"))
    return by_kind.get(kind.partition("(")[0], lambda _: random.choice(words))


if __name__ == "__main__":
    main()
