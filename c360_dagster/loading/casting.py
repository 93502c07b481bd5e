"""Writes the SQL expressions that cast text to the contract's types and tell which cells failed.

A cell that cannot be read becomes null here; the contract decides whether that rejects its row.
"""

from collections.abc import Iterable

from c360_dagster.sql import literal, quote
from landing_contract import Column

EXPECTED = {
    "varchar": "a text, but a formula that failed",
    "bigint": "a whole number of at most 12 digits",
    "decimal": "a number such as 12.50, of at most 12 digits before the point",
    "date": "a day such as 2025-12-31",
    "timestamp": "a time such as 2025-12-31 23:59:59",
    "boolean": "true or false",
    "duration": "a duration such as 12 min, 340 s or seconds",
}


FIRST_DAY, LAST_MOMENT = "date '0001-01-01'", "timestamp '9999-12-31 23:59:59.999999'"
"""The limits of a readable time: DuckDB also accepts 'infinity' and the year 290000, Python does
not."""

FIRST_SURE_DAY = "date '1000-01-01'"
"""Before this day the text itself is checked, because DuckDB reads 31-12-25 as the year 31."""

DAY = "[0-9]{4}[-/ ][0-9]{1,2}[-/ ][0-9]{1,2}"
TIME = "[ T]+[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}([.][0-9]+)?)?"
ZONE = " ?([zZ]|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)"
"""How times may be written. Checked because DuckDB ignores what else follows a time, such as PM."""

NUMBERS_BELOW = 10**12
"""Numbers must be below this: nobody counts further, and sums have room for many such numbers. A
barcode in the wrong column is noticed, because it has thirteen digits."""

EXTRA_DECIMALS = 2
"""How many decimals to read beyond the contract's, so that rounded cells can be counted."""


def kind_of(column: Column) -> str:
    return column.format or column.type.split("(")[0]


def cast_text(column: Column, text: str, errors: Iterable[str] = ()) -> str:
    """SQL for the column's value, or null if the text cannot be read or is one of `errors`."""
    match kind_of(column):
        case "varchar":
            failed = " or ".join(f"{text} = {literal(error)}" for error in sorted(errors))
            return f"if({failed}, null, nullif({text}, ''))" if failed else f"nullif({text}, '')"
        case "bigint" | "decimal":
            return _cast_number(column, f"trim({text})")
        case "timestamp":
            return _within_calendar(_cast_timestamp(f"trim({text})"))
        case "date":
            text = f"trim({text})"
            day = f"try_cast(regexp_extract({text}, '^({DAY})($|[ T])', 1) as date)"
            return _within_calendar(day)
        case "duration":
            return _cast_duration(f"lower(trim({text}))")
        case _:
            return f"try_cast(trim({text}) as {column.type})"


def reader_type(column: Column, *, as_text: bool) -> str:
    """The type that the CSV reader is to use, fine enough that no rounding goes unnoticed."""
    if kind_of(column) == "bigint":
        return "double"
    if kind_of(column) == "decimal":
        return _refine(column, 18)
    return "varchar" if as_text else column.type


def cast_reader_value(column: Column, *, as_text: bool) -> str:
    """SQL that turns the CSV reader's value into the contract's type."""
    name = quote(column.name)
    if kind_of(column) in {"bigint", "decimal"}:
        return f"cast({name} as {column.type})"
    return cast_text(column, name) if as_text else name


def is_doubtful(column: Column, *, as_text: bool) -> str | None:
    """SQL for whether the reader's value needs a closer look; None if it never does."""
    name = quote(column.name)
    if kind_of(column) == "bigint":
        return f"{name} <> trunc({name}) or abs({name}) >= {NUMBERS_BELOW}"
    if kind_of(column) == "decimal":
        return f"abs({name}) >= {NUMBERS_BELOW}"
    if as_text and kind_of(column) != "varchar":
        return f"{name} is not null and {cast_text(column, name)} is null"
    if kind_of(column) in {"date", "timestamp"}:
        return f"not {name} between {FIRST_SURE_DAY} and {LAST_MOMENT}"
    return None


def is_rounded(column: Column) -> str | None:
    """SQL for whether the reader's value has too many decimals; None if the type has none."""
    if kind_of(column) != "decimal":
        return None
    name = quote(column.name)
    return f"{name} <> cast({name} as {column.type})"


def is_text_rounded(column: Column, text: str) -> str | None:
    """The same for a value that was read as text."""
    if kind_of(column) != "decimal":
        return None
    return f"try_cast(trim({text}) as {_refine(column, 28)}) <> {cast_text(column, text)}"


def _refine(column: Column, precision: int) -> str:
    """The column's type with more decimals; a number that does not fit gets the second look."""
    scale = int(column.type.rstrip(")").split(",")[1])
    return f"decimal({precision},{scale + EXTRA_DECIMALS})"


def is_empty(column: Column) -> str:
    """SQL for whether the reader's value is null or blank.

    A blank text begins with some kind of space, and all kinds of space sort below ! or above ~.
    """
    name = quote(column.name)
    if column.type != "varchar":
        return f"{name} is null"
    return f"{name} is null or (({name} < '!' or {name} > '~') and trim({name}) = '')"


def describe_failure(column: Column, text: str) -> str:
    """SQL for the text that says why a cell could not be read."""
    expected = EXPECTED[kind_of(column)]
    return f"'''' || left({text}, 100) || ''' is not {expected}'"


def _cast_number(column: Column, text: str) -> str:
    if kind_of(column) == "decimal":
        number = f"try_cast({text} as {column.type})"
        return f"case when abs({number}) < {NUMBERS_BELOW} then {number} end"
    # A plain cast to bigint would silently turn '3.7' into 4.
    number = f"try_cast({text} as decimal(28, 9))"
    is_whole = f"{number} = trunc({number}) and abs({number}) < {NUMBERS_BELOW}"
    return f"case when {is_whole} then cast({number} as bigint) end"


def _within_calendar(moment: str) -> str:
    return f"case when {_is_in_calendar(moment)} then {moment} end"


def _is_in_calendar(moment: str) -> str:
    return f"{moment} between {FIRST_DAY} and {LAST_MOMENT}"


def _cast_timestamp(text: str) -> str:
    """Takes a time as local; converts one with a zone or offset to the session's time zone."""
    bare = f"regexp_replace({text}, ' ?([zZ]|UTC|GMT)$', 'Z')"
    spaced = f"regexp_replace({bare}, ' ?([+-][0-9]{{2}}):?([0-9]{{2}})$', '\\1:\\2')"
    return (
        f"case when regexp_matches({text}, '^{DAY}({TIME})?$') then try_cast({text} as timestamp) "
        f"when regexp_matches({text}, '^{DAY}{TIME}{ZONE}$') "
        f"then cast(try_cast({spaced} as timestamptz) as timestamp) end"
    )


def _cast_duration(text: str) -> str:
    """Seconds from '12 min', '340 s' or a bare number."""
    number = f"try_cast(regexp_extract({text}, '^([0-9]+([.][0-9]+)?)', 1) as decimal(18, 4))"
    unit = f"regexp_extract({text}, '^[0-9]+(?:[.][0-9]+)? *([a-z]*)[.]?$', 1)"
    is_written = f"regexp_matches({text}, '^[0-9]+([.][0-9]+)? *[a-z]*[.]?$')"
    return (
        f"case when not {is_written} then null "
        f"when {unit} in ('', 's', 'sec', 'secs', 'second', 'seconds') "
        f"then cast(round({number}) as bigint) "
        f"when {unit} in ('m', 'min', 'mins', 'minute', 'minutes') "
        f"then cast(round({number} * 60) as bigint) "
        f"when {unit} in ('h', 'hr', 'hour', 'hours') "
        f"then cast(round({number} * 3600) as bigint) end"
    )
