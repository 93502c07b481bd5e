"""Estimates the model's parameters from the data: u from strangers, m by splink's EM.

Samples are drawn by position in the records' order, so the same data gives the same model.
"""

import logging
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from c360_dagster.identity.comparing import write_levels
from c360_dagster.identity.model import Comparison, with_parameters

if TYPE_CHECKING:
    from splink import Linker
    from splink.internals.em_training_session import EMTrainingSession

FEWEST_RECORDS, FEWEST_PAIRS = 200, 25
STRANGERS, PAIRS = 800, 200_000
BATCH = 100
LEAST_M = 1e-3
PSEUDO_PAIRS = 10
ROUNDS = (25, 12, 6, 1)
"""The most rounds of expectation maximisation: fewer are tried if splink fails with more."""
_TOO_CLEAN = ("minimum allowed", "cast(inf as")
"""Parts of splink's errors for data too clean for it: the m of a level vanishes, or every pair is
certainly one person, which splink writes as infinity."""
_LAST_RESORT = ("last", "zip")
_IDENTIFIERS = (("email",), ("phone",))
_SESSIONS: tuple[tuple[str, ...], ...] = (
    ("email",),
    ("phone",),
    ("dob",),
    ("first", "last"),
    _LAST_RESORT,
)
_CAPPED_DIFFERENCES = {
    "first": (("far", "different"), "dob"),
    "dob": (("year", "different"), "first"),
}
"""For each field, the levels of a clear difference and the field whose agreement shows that a pair
is one person. An equal e-mail or phone does not show it, because a household shares both."""


def find_obstacle(features: pl.DataFrame, comparisons: Sequence[Comparison]) -> str | None:
    """Returns why there is too little to learn from, or None if there is enough."""
    if features.height < FEWEST_RECORDS:
        return f"{features.height} records are too few to learn from (at least {FEWEST_RECORDS})"
    if len(comparisons) < 2:
        return "fewer than two things about the records can be compared"
    sure = max(
        (
            _count_pairs(features, columns)
            for columns in (["email"], ["phone"], ["first", "last", "dob"], ["last", "street"])
        ),
        default=0,
    )
    if sure < FEWEST_PAIRS:
        return f"only {sure} pairs of records share an identifier (at least {FEWEST_PAIRS} needed)"
    return None


def estimate(features: pl.DataFrame, comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Returns the comparisons with the m and u that the data shows."""
    con = duckdb.connect()
    con.execute("set enable_progress_bar = false")
    # splink would warn of each level that no pair reaches; those levels keep their own parameters.
    log = logging.getLogger("splink")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        u = _estimate_u(con, features, comparisons)
        known = with_parameters(comparisons, {}, u)
        m = _estimate_m(con, features, known)
    finally:
        log.setLevel(level)
        con.close()
    return with_parameters(known, m, {})


def _estimate_u(
    con: duckdb.DuckDBPyConnection, features: pl.DataFrame, comparisons: Sequence[Comparison]
) -> dict[str, list[float | None]]:
    """Counts the levels among strangers.

    Of all records that share an e-mail, a phone or a combination below, only one is a stranger.
    """
    people = features.with_row_index("unique_id")
    people = people.sort(pl.col("unique_id").hash(7)).head(4 * STRANGERS)
    for columns in (
        ["email"],
        ["phone"],
        ["first", "last", "dob"],
        ["first", "last", "zip"],
        ["last", "dob"],
        ["first", "dob"],
    ):
        known = pl.all_horizontal(pl.col(columns).is_not_null())
        people = people.filter(~known | pl.struct(columns).is_first_distinct())
    people = people.head(STRANGERS)
    levels = _count_levels(con, people, comparisons)
    pairs = people.height * (people.height - 1) / 2
    # A level that none of these pairs reaches keeps its own u.
    return {
        one.name: [
            max(counts[number] / counts.total() if counts[number] else level.u, 1 / pairs)
            for number, level in enumerate(one.levels)
        ]
        for one, counts in zip(comparisons, levels, strict=True)
    }


def _count_levels(
    con: duckdb.DuckDBPyConnection, people: pl.DataFrame, comparisons: Sequence[Comparison]
) -> list[Counter[int]]:
    """Returns for each comparison how many pairs are on which level, without unknown ones."""
    # DuckDB gives each thread one batch at a time, so small batches keep all threads busy.
    people = pl.concat(people.iter_slices(BATCH), rechunk=False)
    for side, name in (("l", "lefts"), ("r", "rights")):
        named = people.rename({column: f"{column}_{side}" for column in people.columns})
        con.register(name, named.to_arrow())
    names = ", ".join(one.name for one in comparisons)
    found = con.execute(
        f"select {names}, count(*) from (select {write_levels(comparisons)} "
        "from lefts join rights on unique_id_l < unique_id_r) group by all"
    ).fetchall()
    levels: list[Counter[int]] = [Counter() for _ in comparisons]
    for *numbers, count in found:
        for counts, number in zip(levels, numbers, strict=True):
            if number >= 0:
                counts[number] += count
    return levels


def _estimate_m(
    con: duckdb.DuckDBPyConnection, features: pl.DataFrame, comparisons: Sequence[Comparison]
) -> dict[str, list[float]]:
    """Estimates m by expectation maximisation, in sessions among pairs that share some columns."""
    found: dict[str, list[_Estimate]] = {one.name: [] for one in comparisons}
    for columns in _SESSIONS:
        if columns == _LAST_RESORT and all(found.values()):
            break
        block = _take_block(features, columns)
        if _count_pairs(block, columns) >= FEWEST_PAIRS and _leaves_something(columns, comparisons):
            for name, estimate in _run_session(con, block, columns, comparisons):
                found[name].append(estimate)
    return {
        one.name: _cap_differences(_mean(found[one.name], one), found[one.name], one)
        for one in comparisons
        if found[one.name]
    }


def _take_block(features: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Returns the records that share these columns' values with another record.

    If they make more than PAIRS pairs, only a sample of the groups is kept, each one whole.
    """
    block = features.drop_nulls(columns).filter(pl.len().over(columns) > 1)
    share = math.ceil(_count_pairs(block, columns) / PAIRS)
    return block.filter(pl.struct(columns).hash(7) % share == 0) if share > 1 else block


def _run_session(
    con: duckdb.DuckDBPyConnection,
    block: pl.DataFrame,
    columns: Sequence[str],
    comparisons: Sequence[Comparison],
) -> Iterator[tuple[str, "_Estimate"]]:
    """Yields an estimate of m for each comparison of columns that the block does not share."""
    session = _train(con, block, columns, comparisons)
    if session is None:
        return
    settled = session.core_model_settings
    purity = settled.probability_two_random_records_match
    by_name = {one.name: one for one in comparisons}
    for comparison in settled.comparisons:
        name = comparison.output_column_name
        known = block.filter(pl.any_horizontal(pl.col(by_name[name].columns).is_not_null()))
        # The more of the pairs are matches, the better they show what one person's records look
        # like.
        weight = _count_pairs(known, columns) * purity**3
        m = [level.m_probability or 0.0 for level in comparison.comparison_levels[1:]]
        yield name, _Estimate(columns, weight, m)


def _train(
    con: duckdb.DuckDBPyConnection,
    block: pl.DataFrame,
    columns: Sequence[str],
    comparisons: Sequence[Comparison],
) -> "EMTrainingSession | None":
    """Runs one session, with fewer rounds if the data is too clean for splink to go on."""
    from splink.internals.exceptions import SplinkException  # noqa: PLC0415  a slow import

    for rounds in ROUNDS:
        linker = _make_linker(con, block.with_row_index("unique_id"), comparisons, rounds)
        try:
            return linker.training.estimate_parameters_using_expectation_maximisation(
                " and ".join(f"l.{name} = r.{name}" for name in columns),
                estimate_without_term_frequencies=True,
            )
        except (ValueError, SplinkException) as problem:
            if not any(sign in str(problem) for sign in _TOO_CLEAN):
                # The database's own error, because its words tell whether somebody stopped the run.
                raise problem.__cause__ or problem from None
    return None


@dataclass(frozen=True)
class _Estimate:
    by: Sequence[str]
    """The columns that the pairs share."""
    weight: float
    m: list[float]


def _mean(estimates: list[_Estimate], comparison: Comparison) -> list[float]:
    """Returns the weighted mean of the estimates by e-mail and phone, or of all if there are none.

    The comparison's own m counts as a few more pairs, so that two or three odd pairs do not decide.
    """
    sure = [one for one in estimates if one.by in _IDENTIFIERS]
    chosen = [
        *(sure or estimates),
        _Estimate(by=(), weight=PSEUDO_PAIRS, m=[level.m for level in comparison.levels]),
    ]
    total = sum(one.weight for one in chosen)
    levels = zip(*(one.m for one in chosen), strict=True)
    shares = [one.weight / total for one in chosen]
    means = [sum(w * m for w, m in zip(shares, level, strict=True)) for level in levels]
    return [max(mean, LEAST_M) for mean in means]


def _cap_differences(
    m: list[float], estimates: list[_Estimate], comparison: Comparison
) -> list[float]:
    """Caps how often one person's records may clearly differ.

    The cap is the rate among pairs that agree on something personal. Without it, couples who share
    an e-mail would teach the model that one person goes by two names.
    """
    if comparison.name not in _CAPPED_DIFFERENCES:
        return m
    names, voucher = _CAPPED_DIFFERENCES[comparison.name]
    most = _mean([one for one in estimates if voucher in one.by], comparison)
    numbers = [comparison.number(name) for name in names]
    bounds = {number: most[number] for number in numbers}
    bounded = {number: min(m[number], bound) for number, bound in bounds.items()}
    freed = sum(m[number] - share for number, share in bounded.items())
    rest = sum(share for number, share in enumerate(m) if number not in bounded)
    return [bounded.get(number, share * (1 + freed / rest)) for number, share in enumerate(m)]


def _leaves_something(columns: Sequence[str], comparisons: Sequence[Comparison]) -> bool:
    return any(not set(columns) & set(one.columns) for one in comparisons)


def _count_pairs(features: pl.DataFrame, columns: Sequence[str]) -> int:
    sizes = features.select(columns).drop_nulls().group_by(columns).len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _make_linker(
    con: duckdb.DuckDBPyConnection,
    records: pl.DataFrame,
    comparisons: Sequence[Comparison],
    rounds: int = ROUNDS[0],
) -> "Linker":
    from splink import DuckDBAPI, Linker, SettingsCreator  # noqa: PLC0415  takes a second to import

    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_as_splink_settings(one) for one in comparisons],
        blocking_rules_to_generate_predictions=[],
        probability_two_random_records_match=1e-4,
        max_iterations=rounds,
    )
    api = DuckDBAPI(con)
    return Linker(
        api.register(records.to_arrow()), settings, log_level=None, validate_settings=False
    )


def _as_splink_settings(comparison: Comparison) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {"sql_condition": comparison.unknown, "label_for_charts": "unknown", "is_null_level": True}
    ]
    for level in comparison.levels:
        settings: dict[str, Any] = {
            "sql_condition": "ELSE" if level.sql == "else" else level.sql,
            "label_for_charts": level.name,
            "m_probability": level.m,
            "u_probability": level.u,
        }
        levels.append(settings)
    return {"output_column_name": comparison.name, "comparison_levels": levels}
