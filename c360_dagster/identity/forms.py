"""Normalises records for comparison: names, e-mails, phones, dates, addresses.

The result depends on the record alone, so each record needs to be normalised only once.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

import polars as pl

from c360_dagster.identity.rules import Rules

FEATURES: dict[str, type[pl.DataType] | pl.DataType] = {
    "first": pl.String,
    "given": pl.String,
    "last": pl.String,
    "dob": pl.String,
    "email": pl.String,
    "user": pl.String,
    "rest": pl.String,
    "shape": pl.String,
    "phone": pl.String,
    "street": pl.String,
    "zip": pl.String,
    "city": pl.String,
    "state": pl.String,
    "registered": pl.Datetime("us"),
}
_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"}
_NO_NAMES = ["", "na", "none", "null", "nan", "unknown", "test", "anonymous", "guest", "customer"]
# Titles are removed: `Dr. Anna` and `Dr. Peter` have no name in common, and a title alone is no
# name. Silver has its own list, used to split whole names, in dbt_c360/macros/texts.sql.
_TITLES = (
    r"(?i)^\s*(?:(?:mr|mrs|ms|miss|mx|dr|prof|professor|herr|frau|monsieur|madame|mme|mlle)"
    r"(?:\.\s*|\s+|$))+"
)
_NO_DATES = ["0001-01-01", "1900-01-01", "1970-01-01", "9999-12-31"]
_CALLING_CODE = (  # the plan of the ITU: one, two or three digits
    r"^(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9]\d\d)"
)
_STREET_WORDS = {
    "street": "st",
    "strasse": "str",
    "avenue": "ave",
    "av": "ave",
    "road": "rd",
    "lane": "ln",
    "drive": "dr",
    "court": "ct",
    "place": "pl",
    "boulevard": "blvd",
    "square": "sq",
    "terrace": "tce",
    "crescent": "cres",
    "close": "cl",
    "apartment": "apt",
    "highway": "hwy",
    "parade": "pde",
    "circuit": "cct",
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
}
_MOMENTS = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d"]


def find_day_first(dates: pl.Series) -> bool:
    """Says whether `03/04/1980` is the third of April in this column, judged by its clear dates."""
    if dates.dtype != pl.String:
        return False
    parts = dates.str.extract_groups(r"^\s*(\d{1,2})[/-](\d{1,2})[/-]\d{4}").struct.unnest()
    first, second = (parts.get_column(n).cast(pl.Int8) for n in parts.columns)
    return int((first > 12).sum()) > int((second > 12).sum())


def normalise(records: pl.DataFrame, rules: Rules, *, day_first: bool) -> pl.DataFrame:
    """Returns one row of FEATURES for each record, in the records' order."""
    names = _split_names(records)
    first, last = names.to_series(0), names.to_series(1)
    forms = pl.DataFrame(
        {
            "first": _by_value(first, lambda names: _name_letters(_untitled(names))),
            "given": _by_value(first, lambda names: _canonical_name(_untitled(names))),
            "last": _by_value(last, _name_letters),
            "dob": _by_value(records["date_of_birth"], lambda d: _dates(d, day_first=day_first)),
            "street": _by_value(records["address_line1"], _street),
            "zip": _by_value(records["zip_code"], _postal_code),
            "city": _by_value(records["city"], _name_letters),
            "state": _by_value(records["state"], _name_letters),
            "registered": _moments(records["registered_at"]),
        }
    )
    mail = _emails(records["email"], forms["first"], forms["last"], rules)
    phone = _phones(records["phone"], rules)
    return pl.concat([forms, mail, phone], how="horizontal").select(
        pl.col(name).cast(kind) for name, kind in FEATURES.items()
    )


def find_unowned(name: str, values: pl.Series, rules: Rules) -> pl.Series:
    """Says which e-mails or phones are nobody's own: unreadable ones and those that never link."""
    if name == "email":
        blank = pl.Series([None], dtype=pl.String).new_from_index(0, values.len())
        forms = _emails(values, blank, blank, rules)["email"]
    elif name == "phone":
        forms = _phones(values, rules)["phone"]
    else:
        forms = values
    return forms.is_null().alias("is_unowned")


def _by_value(values: pl.Series, form: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Returns the form of each value, worked out only once for each distinct value."""
    distinct = values.unique().drop_nulls()
    formed = form(distinct)
    if values.len() == 0 or distinct.len() == 0:
        return pl.Series(values.name, [None] * values.len(), dtype=pl.String)
    table = pl.DataFrame({"value": distinct, "form": formed})
    return values.to_frame("value").join(table, on="value", how="left", maintain_order="left")[
        "form"
    ]


def _split_names(records: pl.DataFrame) -> pl.DataFrame:
    """Returns first and last names. A whole name in the first name's column is split."""
    whole = pl.col("first_name").cast(pl.String).str.strip_chars()
    last = pl.col("last_name").cast(pl.String)
    is_whole = (last.is_null() | (last.str.strip_chars() == "")) & whole.str.contains(r"\S\s+\S")
    return records.select(
        pl.when(is_whole).then(whole.str.replace(r"\s+\S+$", "")).otherwise(whole).alias("first"),
        pl.when(is_whole).then(whole.str.extract(r"(\S+)$")).otherwise(last).alias("last"),
    )


def _plain(texts: pl.Series) -> pl.Series:
    """Returns the texts in lower case and without accents."""
    lower = (
        texts.cast(pl.String).str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    )
    return lower.str.replace_many(list(_LETTERS), list(_LETTERS.values()))


def _none_where(texts: pl.Series, empty: Sequence[str]) -> pl.Series:
    return texts.set(texts.is_in(list(empty)), None)


def _untitled(names: pl.Series) -> pl.Series:
    return names.cast(pl.String).str.replace(_TITLES, "")


def _name_letters(names: pl.Series) -> pl.Series:
    return _none_where(_plain(names).str.replace_all(r"[^\p{L}]", ""), _NO_NAMES)


def _canonical_name(names: pl.Series) -> pl.Series:
    """Returns the first word, with nicknames replaced by full names; `Jean-Paul` is one word."""
    word = _plain(names).str.extract(r"^\P{L}*([\p{L}'’-]+)").str.replace_all(r"['’-]", "")
    return _none_where(word.replace(_nicknames()), _NO_NAMES)


@cache
def _nicknames() -> dict[str, str]:
    text = files(__package__).joinpath("nicknames.csv").read_text("utf-8")
    return dict(line.split(",") for line in text.splitlines()[1:])


def _dates(values: pl.Series, *, day_first: bool) -> pl.Series:
    if values.dtype != pl.String:
        days = values.cast(pl.Date)
    else:
        text = values.str.strip_chars().str.replace(r"[T ]\d\d:\d\d.*$", "")
        text = text.str.replace_all(r"[./ -]+", "/")
        orders = ["%d/%m/%Y", "%m/%d/%Y"] if day_first else ["%m/%d/%Y", "%d/%m/%Y"]
        forms = ["%Y/%m/%d", "%Y%m%d", *orders, "%d/%b/%Y", "%d/%B/%Y", "%b/%d,/%Y", "%B/%d,/%Y"]
        days = pl.Series(values.name, [None] * values.len(), dtype=pl.Date)
        for form in forms:
            parsed = text.str.to_date(form, strict=False)
            days = days.zip_with(days.is_not_null(), parsed)
    return _none_where(days.dt.strftime("%Y-%m-%d"), _NO_DATES)


def _moments(values: pl.Series) -> pl.Series:
    if values.dtype != pl.String:
        return values.cast(pl.Datetime("us"), strict=False)
    text = values.str.strip_chars().str.replace("T", " ", literal=True).str.strip_suffix("Z")
    moments = pl.Series(values.name, [None] * values.len(), dtype=pl.Datetime("us"))
    for form in _MOMENTS:
        if moments.null_count() == text.null_count():
            break
        moments = moments.zip_with(
            moments.is_not_null(), text.str.to_datetime(form, time_unit="us", strict=False)
        )
    return moments


def _street(lines: pl.Series) -> pl.Series:
    words = _plain(lines).str.replace_all(r"[^\p{L}\d]+", " ").str.strip_chars()
    short = {rf"\b{long}\b": brief for long, brief in _STREET_WORDS.items()}
    for long, brief in short.items():
        words = words.str.replace_all(long, brief)
    return _none_where(words, _NO_NAMES)


def _postal_code(codes: pl.Series) -> pl.Series:
    """Returns letters and digits only, without the American four-digit extension."""
    text = codes.cast(pl.String).str.strip_chars().str.to_lowercase()
    text = text.str.replace(r"^(\d{5})-\d{4}$", "${1}").str.replace_all(r"[^a-z\d]", "")
    return _none_where(text, [*_NO_NAMES, "0", "00000"])


def _emails(values: pl.Series, first: pl.Series, last: pl.Series, rules: Rules) -> pl.DataFrame:
    """Returns the address, its user, the rest of the user without the name, and its shape.

    The user is the part before the @. The shape is the address without digits.
    """
    text = values.cast(pl.String).str.to_lowercase().str.replace(r"\s+at\s+", "@")
    text = text.str.replace_all(r"[\s,;<>]|mailto:", "").str.replace(r"@+", "@")
    parts = text.str.extract_groups(r"^([^@+]+)(?:\+[^@]*)?@([^@]+\.[^@]+)$").struct.unnest()
    user, host = (parts.get_column(name) for name in parts.columns)
    gmail = host.is_in(["gmail.com", "googlemail.com"]).fill_null(value=False)
    user = user.str.replace_all(".", "", literal=True).zip_with(gmail, user)
    host = pl.Series(["gmail.com"]).new_from_index(0, host.len()).zip_with(gmail, host)
    email = user + "@" + host
    for pattern in rules.emails_that_never_link:
        email = email.set(email.str.contains(pattern), None)
    user = user.set(email.is_null(), None)
    frame = pl.DataFrame(
        {"email": email, "user": user, "first": first.fill_null(""), "last": last.fill_null("")}
    )
    rest = pl.col("user").str.replace_all(r"[^\p{L}\d]", "")
    for name in ("first", "last", "first"):
        rest = rest.str.strip_prefix(pl.col(name))
    rest = rest.str.strip_prefix(pl.col("first").str.head(1) + pl.col("last"))
    shape = pl.col("email").str.replace_all(r"\d", "")
    return frame.select("email", "user", rest.alias("rest"), shape.alias("shape"))


def _phones(values: pl.Series, rules: Rules) -> pl.DataFrame:
    """Returns the digits dialled within the country, without calling code and leading zeros."""
    text = values.cast(pl.String).str.strip_chars().str.replace(r"(?i)\s*(?:x|ext\.?)\s*\d+$", "")
    digits = text.str.replace_all(r"\D", "")
    frame = pl.DataFrame({"text": text, "digits": digits})
    digit = pl.col("digits").str.replace(r"^00", "")
    abroad = pl.col("text").str.contains(r"^(?:\+|00)") | (
        ~pl.col("digits").str.starts_with("0") & (pl.col("digits").str.len_bytes() > 10)
    )
    national = pl.when(abroad).then(digit.str.replace(_CALLING_CODE, "")).otherwise(digit)
    phone = frame.select(national.str.strip_chars_start("0").alias("phone")).to_series()
    for pattern in rules.phones_that_never_link:
        phone = phone.set(phone.str.contains(pattern) | digits.str.contains(pattern), None)
    return phone.set(phone.str.len_bytes() < 7, None).to_frame()
