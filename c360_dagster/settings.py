"""Every setting, read once: the only place that looks at the environment.

The rest of the package receives a frozen Settings object and never asks os.environ or the clock.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from c360_dagster.audiences.addresses import check_address, check_url

T = TypeVar("T")

REPOSITORY = Path(__file__).parent.parent
DECISIONS = Path(__file__).parent / "identity" / "decisions.csv"
AUDIENCES = Path(__file__).parent / "audiences" / "audiences.yml"
UI_HOST, UI_PORT = "127.0.0.1", "3000"
UI_ADDRESS = f"http://{UI_HOST}:{UI_PORT}"
"""Where `make ui` opens Dagster."""
PREFIX = "C360_"
FIRST_YEAR = 1900
"""Nothing in a retailer's files is older; an earlier day is mistyped."""
UNUSABLE = set("*?[%")
"""In a path, DuckDB and polars take these for file patterns, and SQLite for parts of an address."""
LONGEST_HOME = 400
"""In bytes. The path of a run's log, inside the home, must stay below the 512 that SQLite opens."""


class SettingsError(ValueError):
    """Raised for a setting that cannot be used; the message names it and says what would work."""


@dataclass(frozen=True)
class Settings:
    home: Path
    customers: int
    seed: int
    defects: bool
    start_date: date
    end_date: date
    as_of: date | None
    timezone: str
    engine: str
    dbt: str
    lock_timeout: int
    webhook_url: str | None
    ui_url: str
    """Where people see Dagster: alerts and a failed run's last lines link to it."""
    keep_days: int
    show_pii: bool
    audience_webhook_url: str | None
    audiences: Path
    """The file that declares the audiences."""
    decisions: Path = DECISIONS
    """The file of pairs that people decided about; it lies beside the rules and has no variable."""
    doubts: tuple[str, ...] = ()
    """A sentence for each variable that is named like a setting but is none."""

    def now(self) -> datetime:
        """The business's local time, for logs and load times only: no feature may use it."""
        return datetime.now(ZoneInfo(self.timezone)).replace(tzinfo=None)

    def doubt_as_of(self, day: date) -> str:
        """Says why that day cannot be the as-of day, to be put after the day; empty if it can.

        Files that nobody simulated may reach further back than the calendar.
        """
        is_simulated = self.truth.exists() or not self.landing.exists()
        reaches_back = not is_simulated and day.year >= FIRST_YEAR
        return "" if reaches_back and day < self.start_date else self.doubt_day(day)

    def doubt_day(self, day: date) -> str:
        """Says why that day is not in the calendar, to be put after the day; empty if it is."""
        if day < self.start_date:
            return (
                f"is before {self.start_date} (C360_START_DATE), the first day of the "
                "calendar: set that variable to an earlier day, or ask for a later one."
            )
        if day > (today := self.now().date()):
            return f"is in the future: ask for a day up to {today}."
        return ""

    @property
    def simulation_options(self) -> dict[str, Any]:
        """What the simulator is asked to make."""
        return {
            "customers": self.customers,
            "seed": self.seed,
            "start": self.start_date,
            "end": self.end_date,
            "defects": self.defects,
        }

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def registry(self) -> Path:
        """All ids that were ever given; outside the warehouse, and never cleaned."""
        return self.home / "registry"

    @property
    def history(self) -> Path:
        """What the pipeline said about the customers, day by day; never cleaned."""
        return self.home / "history" / "customer_360"

    @property
    def memberships(self) -> Path:
        """Who was in which audience, day by day; never cleaned."""
        return self.home / "history" / "audiences"

    @property
    def published(self) -> Path:
        """What people and programs read; only the pipeline opens the warehouse."""
        return self.home / "published"

    @property
    def exports(self) -> Path:
        """Whom to write to, for other systems: one folder for each audience."""
        return self.home / "exports"

    @property
    def truth(self) -> Path:
        """What the simulator knows to be true; absent if the files are the user's own."""
        return self.home / "truth"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def scratch(self) -> Path:
        """For files that live no longer than one step."""
        return self.home / "dagster" / "scratch"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings from the environment; raises a SettingsError that names the variable."""
    values = _Values(os.environ if environment is None else environment)
    timezone = values.read("C360_TIMEZONE", "UTC", _parse_timezone)
    today = datetime.now(ZoneInfo(timezone)).date()
    yesterday = today - timedelta(days=1)
    settings = Settings(
        home=values.read("C360_HOME", str(REPOSITORY / "data"), _parse_home),
        customers=values.read("C360_CUSTOMERS", "5000", _whole_number(1, 8_000_000)),
        seed=values.read("C360_SEED", "7", _whole_number(0, 2**63 - 1)),
        defects=values.read("C360_DEFECTS", "on", _parse_switch),
        start_date=values.read("C360_START_DATE", "2025-01-01", _parse_date),
        end_date=values.read("C360_END_DATE", yesterday.isoformat(), _parse_date),
        as_of=values.read("C360_AS_OF", "", _optional(_parse_date)),
        timezone=timezone,
        engine=values.read("C360_ENGINE", "duckdb", _one_of("duckdb")),
        dbt=values.read("C360_DBT", "inprocess", _one_of("inprocess", "subprocess")),
        lock_timeout=values.read("C360_LOCK_TIMEOUT", "600", _whole_number(0, 86_400)),
        webhook_url=values.read_secret("C360_WEBHOOK_URL", check_url),
        ui_url=values.read("C360_UI_URL", UI_ADDRESS, check_url).rstrip("/"),
        keep_days=values.read("C360_KEEP_DAYS", "30", _whole_number(1, 36_500)),
        show_pii=values.read("C360_SHOW_PII", "off", _parse_switch),
        audience_webhook_url=values.read_secret("C360_AUDIENCE_WEBHOOK_URL", check_address),
        audiences=values.read("C360_AUDIENCES", str(AUDIENCES), _parse_file),
        doubts=values.doubt_others(),
    )
    if settings.end_date < settings.start_date:
        by_the_clock = (
            ", yesterday by this machine's clock" if settings.end_date == yesterday else ""
        )
        raise SettingsError(
            f"C360_END_DATE ({settings.end_date}{by_the_clock}) is before C360_START_DATE "
            f"({settings.start_date}): set an end on or after the start."
        )
    if settings.as_of and (doubt := settings.doubt_as_of(settings.as_of)):
        raise SettingsError(f"C360_AS_OF is '{settings.as_of}': it {doubt}")
    return settings


def environment_for_dagster(settings: Settings) -> dict[str, str]:
    """The environment for a Dagster command that one of our commands starts."""
    return os.environ | {
        "DAGSTER_HOME": str(settings.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        # Dagster's own command warns, through click, that another one will replace it.
        "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore:::click.core"),
    }


def set_dbt_warehouse(path: str) -> None:
    """Sets the variable that dbt's profile reads; dbt takes the path from the environment only."""
    os.environ["DBT_C360_WAREHOUSE"] = path


def batch_dagster_events() -> None:
    """Makes Dagster hand over a run's plan as one list; only the environment sets this."""
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "10000")


def limit_runs_per_alert_check() -> None:
    """Makes an alert sensor report on two runs at most each time; only the environment sets this.

    With five runs, Dagster's own number, and a webhook that does not answer, a sensor would take
    longer than it may. It would be stopped, and would send its messages again the next time.
    """
    os.environ.setdefault("DAGSTER_RUN_STATUS_SENSOR_PROCESS_LIMIT", "2")


class _Values:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.known: list[str] = []

    def doubt_others(self) -> tuple[str, ...]:
        """Returns a sentence for each variable that is no setting: a mistyped one would do nothing.

        To be called last, because the known settings are those that were read before.
        """
        known = [name.removeprefix(PREFIX) for name in self.known]
        doubts = []
        for name in sorted(self.environment):
            if name.startswith(PREFIX) and name not in self.known:
                near = get_close_matches(name.removeprefix(PREFIX), known, 1)
                meant = f": {PREFIX}{near[0]} is one" if near else ""
                doubts.append(f"{name} is not a setting and does nothing{meant}.")
        return tuple(doubts)

    def read(self, name: str, default: str, parse: Callable[[str], T]) -> T:
        self.known.append(name)
        text = self.environment.get(name, "").strip() or default
        try:
            return parse(text)
        except ValueError as problem:
            raise SettingsError(f"{name} is '{text}': {problem}.") from None
        except OSError as problem:
            raise SettingsError(
                f"{name} is '{text}': it cannot be looked at ({problem.strerror})."
            ) from None

    def read_secret(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Returns None if it is not set; an error does not repeat the value."""
        self.known.append(name)
        text = self.environment.get(name, "").strip()
        try:
            return parse(text) if text else None
        except ValueError as problem:
            raise SettingsError(f"{name} cannot be used: {problem}.") from None


def _parse_home(text: str) -> Path:
    home = _parse_path(text)
    if taken := sorted(set(str(home)) & UNUSABLE):
        raise ValueError(
            f"the databases that lie there cannot be opened with {' and '.join(taken)} in a "
            "folder's name: name another one"
        )
    if str(home).encode(errors="replace") != os.fsencode(home):
        raise ValueError(
            "the databases that lie there are opened by names in UTF-8 alone: name another one or, "
            "where your locale is not UTF-8, set PYTHONUTF8=1"
        )
    if home.exists() and not home.is_dir():
        raise ValueError("it must be a folder, and a file of that name is in the way")
    if len(os.fsencode(home.resolve())) > LONGEST_HOME:
        raise ValueError(
            "the databases that lie there cannot be opened by so long a path: name one of at most "
            f"{LONGEST_HOME} letters"
        )
    return home


def _parse_file(text: str) -> Path:
    path = _parse_path(text)
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


def _parse_path(text: str) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ValueError("its ~ names no user's folder") from None
    return path if path.is_absolute() else REPOSITORY / path


def _parse_timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        raise ValueError("it must be a time zone such as UTC or Europe/Berlin") from None
    return text


def _parse_date(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ValueError("it must be a day written as 2025-12-31") from None


def _parse_switch(text: str) -> bool:
    switches = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}
    if text.lower() not in switches:
        raise ValueError("it must be on or off")
    return switches[text.lower()]


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise ValueError(f"it must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"it must be {' or '.join(choices)}")
        return text

    return parse


def _optional(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    return lambda text: parse(text) if text else None
