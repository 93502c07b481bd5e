"""Settings: their defaults, and the one sentence that answers a bad value."""

from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path

import pytest

from c360_dagster.settings import REPOSITORY, SettingsError, read_settings


def test_defaults_are_those_of_the_readme() -> None:
    settings = read_settings({})
    assert settings.home == REPOSITORY / "data"
    assert (settings.customers, settings.seed, settings.defects) == (5000, 7, True)
    assert settings.start_date == date(2025, 1, 1)
    assert (settings.timezone, settings.engine, settings.dbt) == ("UTC", "duckdb", "inprocess")
    assert (settings.lock_timeout, settings.keep_days, settings.show_pii) == (600, 30, False)
    assert settings.as_of is None


def test_an_empty_variable_is_an_unset_one() -> None:
    assert read_settings({"C360_SEED": "", "C360_AS_OF": " "}) == read_settings({})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("C360_CUSTOMERS", "many", "a whole number"),
        ("C360_CUSTOMERS", "0", "from 1"),
        ("C360_CUSTOMERS", "8000001", "to 8000000"),
        ("C360_SEED", "-1", "a whole number"),
        ("C360_DEFECTS", "perhaps", "on or off"),
        ("C360_START_DATE", "2025-02-30", "a day written as"),
        ("C360_END_DATE", "31.12.2025", "a day written as"),
        ("C360_AS_OF", "yesterday", "a day written as"),
        ("C360_AS_OF", "2999-01-01", "is in the future"),
        ("C360_AS_OF", "2024-12-31", "before 2025-01-01 (C360_START_DATE)"),
        ("C360_TIMEZONE", "Mars/Olympus", "a time zone"),
        ("C360_TIMEZONE", "../../etc/passwd", "a time zone"),
        ("C360_ENGINE", "oracle", "duckdb"),
        ("C360_DBT", "cloud", "inprocess or subprocess"),
        ("C360_LOCK_TIMEOUT", "1.5", "a whole number"),
        ("C360_HOME", "~nobody.at.all/data", "no user's folder"),
        ("C360_HOME", "x" * 300, "cannot be looked at"),
        ("C360_HOME", "/data/50%", "cannot be opened with %"),
        ("C360_HOME", "/data/h\udce4rz", "names in UTF-8 alone"),
        ("C360_HOME", "/data/[new] *", "with * and [ in a folder's name"),
        ("C360_HOME", "/data" + "/long" * 90, "by so long a path"),
        ("C360_AUDIENCES", "x" * 300, "cannot be looked at"),
        ("C360_UI_URL", "dagster.example.com", "begins with http"),
        ("C360_KEEP_DAYS", "0", "from 1"),
        ("C360_SHOW_PII", "x", "on or off"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_it(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({name: value})
    message = str(caught.value)
    assert message.startswith(f"{name} is '{value}': ")
    assert words in message
    assert message.count("\n") == 0


@pytest.mark.parametrize(
    "address",
    [
        "hooks.example.com/SECRET",
        "https://hooks.example.com/SECRET key",
        "https://hooks.example.com/SECRET/ä",
        "https://user:SECRET@hooks.example.com/",
        "https://hooks.example.com:SECRET/",
        "https://hooks..example.com/SECRET",
        "https:///SECRET",
    ],
)
def test_an_address_that_cannot_be_posted_to_is_refused_and_kept_secret(address: str) -> None:
    for name in ("C360_WEBHOOK_URL", "C360_AUDIENCE_WEBHOOK_URL"):
        with pytest.raises(SettingsError, match=f"^{name} cannot be used: .*http://") as caught:
            read_settings({name: address})
        assert "SECRET" not in str(caught.value)


def test_own_files_allow_an_as_of_day_before_the_simulated_start(tmp_path: Path) -> None:
    early = {"C360_HOME": str(tmp_path), "C360_AS_OF": "2024-06-30"}
    with pytest.raises(SettingsError, match="C360_START_DATE"):
        read_settings(early)  # because `make run` simulates a retailer in an empty home
    (tmp_path / "landing").mkdir()
    assert read_settings(early).as_of == date(2024, 6, 30)
    for mistyped in ("2999-01-01", "0204-06-30"):
        with pytest.raises(SettingsError, match=f"C360_AS_OF is '{mistyped}'"):
            read_settings(early | {"C360_AS_OF": mistyped})
    (tmp_path / "truth").mkdir()
    with pytest.raises(SettingsError, match="C360_START_DATE"):
        read_settings(early)


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"C360_END_DATE .* is before C360_START_DATE"):
        read_settings({"C360_END_DATE": "2024-01-01"})
    with pytest.raises(
        SettingsError, match=r"C360_END_DATE \(.*, yesterday by this machine's clock"
    ):
        read_settings({"C360_START_DATE": "2999-01-01"})


def test_a_file_in_the_place_of_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    with pytest.raises(SettingsError, match="C360_HOME"):
        read_settings({"C360_HOME": str(tmp_path / "home")})


def test_a_mistyped_name_is_reported_with_a_suggestion() -> None:
    mistyped = {"C360_HOEM": "x", "C360_COLOUR": "x", "C360_SEED": "8", "HOME": "x"}
    assert read_settings(mistyped).doubts == (
        "C360_COLOUR is not a setting and does nothing.",
        "C360_HOEM is not a setting and does nothing: C360_HOME is one.",
    )


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        read_settings({}).seed = 8  # type: ignore[misc]
