"""Prints how good the forecast is in shops that resemble public data, on several days for each.

Errors are compared with those of the better of two naive forecasts. Which is better is chosen
afterwards for each of the two measures, and no forecast can always beat such a choice.
"""

import sys

import polars as pl

from c360_dagster.science import evaluation
from c360_dagster.science.lifetime_value import fit_forecast
from tests.science.orders import measure_afterwards, naive_forecasts
from tests.science.worlds import WORLDS, draw_world

BOUND = 1.02
SEEDS = 3
COVERED = (0.75, 0.85)


def main(arguments: list[str]) -> None:
    seeds = range(1, 1 + (int(arguments[0]) if arguments else SEEDS))
    trials = pl.DataFrame(
        [row for world in WORLDS for seed in seeds for row in _measure_trials(world, seed)]
    )
    pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, tbl_hide_dataframe_shape=True)
    sys.stdout.write(f"{summarise(trials)}\n")


def summarise(trials: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per world: its mean errors, and in how many trials one was above the bound.

    `outside` counts trials whose intervals held for too few or too many customers; `unexcused`
    leaves out those in which they held for more because many customers spent nothing.
    """
    is_worse = pl.max_horizontal("mae", "rmse") > BOUND
    least, most = COVERED
    return trials.group_by("world", maintain_order=True).agg(
        pl.len().alias("trials"),
        pl.col("mae", "rmse").mean().round(3),
        is_worse.sum().alias("worse"),
        pl.max_horizontal("mae", "rmse").max().round(3).alias("worst"),
        pl.col("total").abs().mean().round(3).alias("total off"),
        pl.col("covered").mean().round(3),
        pl.col("covered").min().round(3).alias("least"),
        pl.col("covered").max().round(3).alias("most"),
        (~pl.col("covered").is_between(least, most)).sum().alias("outside"),
        (
            ~pl.col("covered").is_between(
                least, pl.max_horizontal(most, pl.col("nothing") + 1 - most)
            )
        )
        .sum()
        .alias("unexcused"),
    )


def _measure_trials(world: str, seed: int) -> list[dict[str, object]]:
    orders = draw_world(world, seed)
    rows = []
    for trial in WORLDS[world].trials:
        forecasts = fit_forecast(orders, trial.as_of, trial.horizon_days).values
        actual = measure_afterwards(orders, forecasts, trial.as_of, trial.horizon_days)["spend"]
        naive = naive_forecasts(orders, forecasts, trial.as_of, trial.horizon_days)
        compared = evaluation.compare_with_naive(forecasts["expected_spend"], actual, naive)
        rows.append(
            {
                "world": world,
                "mae": compared.mae_ratio,
                "rmse": compared.rmse_ratio,
                "total": evaluation.total_error(forecasts["expected_spend"], actual),
                "covered": evaluation.interval_coverage(
                    forecasts["low"], forecasts["high"], actual
                ),
                "nothing": (actual == 0).mean(),
            }
        )
    return rows
