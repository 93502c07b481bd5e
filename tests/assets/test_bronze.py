"""What loading says on the way: each file's own trouble, and once what many files share."""

from c360_dagster.assets.bronze import say_load
from c360_dagster.loading.load_log import FileLoad, TableLoad


def test_what_many_files_share_is_said_once() -> None:
    """A file for each store and day, of which many are closed, has the same header every day."""
    days = [f"sales/transactions_2025-06-{day:02}.csv" for day in range(1, 6)]
    load = TableLoad(
        "transactions",
        [
            FileLoad(days[0], "loaded", unknown_columns=("Gutschein",)),
            FileLoad(days[1], "loaded", unknown_columns=("Gutschein",)),
            FileLoad(days[2], "refused", "it is empty."),
            *(FileLoad(name, "repeated", f"{name}: the same.") for name in days[3:]),
        ],
    )
    assert list(say_load(load)) == [
        "it is empty.",
        "sales/transactions_2025-06-04.csv: the same. The same is true of 1 more.",
        (
            "sales/transactions_2025-06-01.csv and 1 more: loaded without Gutschein: "
            "docs/your-own-data.md lists the columns of transactions."
        ),
    ]
    assert list(say_load(TableLoad("transactions", [FileLoad(days[0], "unchanged")]))) == []
