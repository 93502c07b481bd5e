"""The step that turns a published snapshot and a file of audiences into exports and deliveries."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from c360_dagster.assets.audiences import CHECK, build_audiences
from c360_dagster.audiences.declarations import AudienceError
from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.definitions import build_definitions
from c360_dagster.delivery.webhook import PAUSES_SECONDS
from c360_dagster.resources.lock import HomeLock
from c360_dagster.science.campaigns import effect
from c360_dagster.settings import Settings, read_settings
from tests.audiences.gold import publish_gold
from tests.audiences.receiver import Receiver, receive

PURPOSES = """
purposes:
  marketing: {consent: required}
audiences:
"""
FANS = """
  - name: fans
    description: Those who buy.
    condition: total_orders > 0
    purpose: marketing
    channel: email
    holdout: 0
"""
TOYS = FANS.replace("fans", "toys").replace("total_orders > 0", "favourite_category = 'Toys'")
NAMES = [f"C{number:02}" for number in range(20)]


class Home:
    """A home in which something was published, and its own file of audiences."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def settings(self) -> Settings:
        file = str(self.folder / "audiences.yml")
        return read_settings({"C360_HOME": str(self.folder), "C360_AUDIENCES": file})

    def declare(self, *audiences: str) -> None:
        (self.folder / "audiences.yml").write_text(PURPOSES + "".join(audiences), "utf-8")

    def publish(self, day: str, customers: list[str], **more: Any) -> None:  # noqa: ANN401
        publish_gold(self.folder / "published", day, customers, **more)

    def run(
        self,
        *only: str,
        only_check: dg.AssetCheckKey | None = None,
        webhook: str | None = None,
    ) -> dg.ExecuteInProcessResult:
        settings = replace(self.settings, audience_webhook_url=webhook)
        names = [dg.AssetKey(["audiences", name]) for name in only]
        return dg.materialize(
            build_audiences(settings, read_manifest()),
            resources={"lock": HomeLock(home=str(self.folder), timeout=0)},
            selection=dg.AssetSelection.checks(only_check) if only_check else names or None,
            raise_on_error=False,
        )

    def manifest(self, audience: str, day: str) -> dict[str, Any]:
        path = self.settings.exports / audience / f"{day}.json"
        read: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return read


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.declare(FANS)
    return home


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receive() as server:
        yield server


def read_failure(result: dg.ExecuteInProcessResult) -> str:
    """Returns why the step failed."""
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    error = failure.step_failure_data.error
    assert error
    return error.message + str(error.cause.message if error.cause else "")


def read_checks(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str | None]]:
    return {
        each.asset_key.path[-1]: (each.passed, each.description)
        for each in result.get_asset_check_evaluations()
        if each.check_name == CHECK
    }


def test_the_second_days_export_reports_who_entered_and_left(home: Home) -> None:
    home.publish("2026-06-01", NAMES)
    assert home.run().success
    home.publish("2026-06-02", [*NAMES[2:], "C99"])
    result = home.run()
    (made,) = result.asset_materializations_for_node("export_audiences")
    told = {name: value.value for name, value in made.metadata.items()}
    assert (told["members"], told["entered"], told["left"]) == (19, 1, 2)
    assert str(told["preview"]).splitlines()[2:] == [
        "| treatment | entered | 1 |",
        "| treatment | stayed | 18 |",
    ]
    assert "C99" not in str(told), "who is in it stands in the file alone"
    assert read_checks(result)["fans"] == (
        True,
        "19 members, 0 of them held out. Since 2026-06-01, 1 entered and 2 left.",
    )
    assert home.manifest("fans", "2026-06-02")["compared_with"] == "2026-06-01"


def test_the_check_warns_of_an_empty_audience_and_of_a_great_turnover(home: Home) -> None:
    home.publish("2026-06-01", NAMES)
    home.run()
    home.publish("2026-06-02", NAMES[:4])
    assert not read_checks(home.run())["fans"][0]
    home.publish("2026-06-03", [])
    result = home.run()
    assert result.success
    assert read_checks(result)["fans"] == (
        False,
        "Nobody is in it: nobody meets the condition. Since 2026-06-02, 0 entered and 4 left.",
    )


def test_a_wrong_condition_is_named_and_holds_no_other_audience_back(home: Home) -> None:
    home.declare(FANS.replace("total_orders", "totl_orders"), TOYS)
    home.publish("2026-06-01", NAMES)
    result = home.run()
    assert not result.success
    assert (
        f"{home.folder}/audiences.yml: audience 'fans', condition: there is no column "
        "'totl_orders' in mart_customer_360; did you mean total_orders."
    ) in read_failure(result)
    assert home.manifest("toys", "2026-06-01")["counts"]["members"] == 20
    assert not (home.settings.exports / "fans").exists()


def test_one_audience_can_be_made_alone(home: Home) -> None:
    home.declare(FANS, TOYS)
    home.publish("2026-06-01", NAMES)
    assert home.run("toys").success
    assert [path.name for path in home.settings.exports.iterdir()] == ["toys"]


def test_the_check_can_run_alone_and_exports_nothing(home: Home) -> None:
    """The button beside a check in the UI runs it in this way."""
    home.publish("2026-06-01", NAMES)
    check = dg.AssetCheckKey(dg.AssetKey(["audiences", "fans"]), CHECK)
    result = home.run(only_check=check)
    assert result.success
    assert read_checks(result)["fans"][0]
    assert not home.settings.exports.exists()


def test_a_missing_or_foreign_publication_says_what_to_do(home: Home) -> None:
    assert "c360.duckdb is not there yet: type `make run` or" in read_failure(home.run())
    home.publish("2026-06-01", NAMES)
    with duckdb.connect(str(home.folder / "published" / "c360.duckdb")) as con:
        con.execute("drop table gold.customer_consents")
    assert "was published by another version, or is not one of ours: type" in read_failure(
        home.run()
    )


def test_an_error_of_the_database_names_the_audience(home: Home) -> None:
    home.declare(FANS.replace("total_orders > 0", "total_orders * 9223372036854775807 * 9 > 0"))
    home.publish("2026-06-01", [*NAMES])
    with duckdb.connect(str(home.folder / "published" / "c360.duckdb")) as con:
        con.execute("update gold.mart_customer_360 set total_orders = 9223372036854775807")
    assert "audiences.yml: audience 'fans', condition: Out of Range Error" in read_failure(
        home.run()
    )


def test_members_are_delivered_where_the_file_and_the_setting_say_so(
    home: Home, receiver: Receiver
) -> None:
    webhook = "    webhook: default\n"
    home.declare(FANS.replace("holdout: 0", "holdout: 0.5") + webhook, TOYS)
    home.publish("2026-06-01", NAMES)
    home.run()
    assert receiver.asked == []
    for _ in range(2):
        assert home.run(webhook=receiver.url).success
    members = pl.read_parquet(home.settings.exports / "fans" / "2026-06-01.parquet")
    assert 0 < members.filter(group="control").height < 20
    assert receiver.members == members.filter(group="treatment")["customer_id"].to_list()
    assert {batch["audience"] for batch in receiver.taken} == {"fans"}


def test_a_day_of_the_past_is_exported_and_not_delivered(home: Home, receiver: Receiver) -> None:
    home.declare(f"{FANS}    webhook: {receiver.url}\n")
    home.publish("2026-06-02", NAMES)
    home.run()
    home.publish("2026-06-01", NAMES[:10])
    (made,) = home.run().asset_materializations_for_node("export_audiences")
    assert made.metadata["delivery"].value == (
        "Not delivered: the receiver already has the list of 2026-06-02."
    )
    assert home.manifest("fans", "2026-06-01")["counts"]["members"] == 10
    assert [batch["as_of"] for batch in receiver.taken] == ["2026-06-02"]


def test_a_receiver_that_applies_changes_has_the_list_despite_missed_days(
    home: Home, receiver: Receiver
) -> None:
    """The receiver misses a day without a webhook and a day whose delivery fails.

    Then the control group becomes larger and smaller again.
    """

    def held() -> set[str]:
        people: set[str] = set()
        for told in (member for batch in receiver.taken for member in batch["members"]):
            if told["change"] == "left":
                people.discard(told["customer_id"])
            elif told["change"] == "entered":
                people.add(told["customer_id"])
        return people

    def treated(day: str) -> set[str]:
        members = pl.read_parquet(home.settings.exports / "fans" / f"{day}.parquet")
        return set(members.filter(group="treatment")["customer_id"])

    def run(day: str, names: list[str], holdout: float = 0.1) -> dg.ExecuteInProcessResult:
        home.declare(FANS.replace("holdout: 0", f"holdout: {holdout}") + "    webhook: default\n")
        home.publish(day, names)
        return home.run(webhook=receiver.url)

    home.publish("2026-06-01", NAMES)
    home.run()
    assert run("2026-06-02", NAMES).success
    assert held() == treated("2026-06-02")
    receiver.codes = [404]
    assert not run("2026-06-03", [*NAMES[5:], "C98"]).success
    assert run("2026-06-04", [*NAMES[5:], "C98", "C99"]).success
    assert held() == treated("2026-06-04")
    for day, holdout in (("2026-06-05", 0.7), ("2026-06-06", 0.2)):
        assert run(day, NAMES[5:], holdout).success
        assert held() == treated(day)
    assert home.manifest("fans", "2026-06-06")["counts"]["entered"] == 0


def test_a_delivery_that_fails_fails_the_run_and_leaves_the_files(
    home: Home, receiver: Receiver
) -> None:
    home.declare(f"{FANS}    webhook: {receiver.url}\n", TOYS)
    home.publish("2026-06-01", NAMES)
    receiver.codes = [404]
    result = home.run()
    assert not result.success
    assert "Audience 'fans': batch 1 of 1 was not delivered: it answered 404" in read_failure(
        result
    )
    assert "SECRET" not in read_failure(result)
    made = result.asset_materializations_for_node("export_audiences")
    assert {each.asset_key.path[-1] for each in made} == {"fans", "toys"}
    assert home.run().success
    assert receiver.members == NAMES


def test_a_silent_receiver_is_waited_for_once_in_a_run(
    home: Home, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise five audiences with a receiver that hangs would hold the home for 15 minutes."""
    pauses: list[float] = []
    monkeypatch.setattr("c360_dagster.messages.posting.time.sleep", pauses.append)
    with Receiver() as closed:
        pass
    home.declare(
        f"{FANS}    webhook: {closed.url}\n",
        f"{TOYS}    webhook: {closed.url}\n",
        f"{FANS.replace('fans', 'others')}    webhook: {receiver.url}\n",
    )
    home.publish("2026-06-01", NAMES)
    told = read_failure(home.run())
    assert pauses == list(PAUSES_SECONDS)
    assert "Audience 'fans': batch 1 of 1 was not delivered: it cannot be reached" in told
    assert "Audience 'toys': batch 1 of 1 was not delivered: it cannot be reached" in told
    assert receiver.members == NAMES, "another one has nothing to do with it"


def test_addresses_are_exported_where_the_file_says_so(home: Home) -> None:
    home.declare(FANS + "    contact: true\n")
    home.publish("2026-06-01", NAMES)
    home.run()
    members = pl.read_parquet(home.settings.exports / "fans" / "2026-06-01.parquet")
    assert members["email"][0] == "C00@example.com"
    (spec,) = build_audiences(home.settings, read_manifest())[0].specs
    assert "pii" in spec.tags


def test_the_effect_of_a_holdout_can_be_measured_from_the_files(home: Home) -> None:
    """Those who were held out are compared with the others, as docs/audiences.md shows."""
    names = [f"C{number:04}" for number in range(2000)]
    home.declare(FANS.replace("holdout: 0", "holdout: 0.5"))
    home.publish("2026-06-01", names)
    home.run()
    members = pl.read_parquet(home.settings.exports / "fans" / "2026-06-01.parquet")
    bought = members.with_columns(
        is_converted=pl.when(pl.col("group") == "treatment")
        .then(pl.int_range(pl.len()) % 2 == 0)
        .otherwise(pl.int_range(pl.len()) % 4 == 0)
    )
    found = effect(bought, "is_converted")
    assert found.lift is not None
    assert found.low is not None
    assert found.lift == pytest.approx(1.0, abs=0.25)
    assert found.low > 0.5


def test_a_file_without_audiences_gives_no_assets(home: Home) -> None:
    (home.folder / "audiences.yml").write_text("purposes: {}\naudiences: []\n", "utf-8")
    assert build_audiences(home.settings, read_manifest()) == []


def test_an_audience_without_a_field_holds_no_other_back(home: Home) -> None:
    """The others do not fail with it when run by name. If it is the only one, nothing begins."""
    wrong = TOYS.replace("    channel: email\n", "")
    home.declare(wrong, FANS, FANS.replace("fans", "buyers"))
    home.publish("2026-06-01", NAMES)
    result = home.run()
    (failure,) = result.get_step_failure_events()
    said = failure.step_failure_data.user_failure_data
    assert said
    assert said.description == (
        f"{home.settings.audiences}: audience 'toys', channel: it is missing."
    )
    assert home.manifest("fans", "2026-06-01")["counts"]["members"] == len(NAMES)
    assert home.run("fans").success
    home.declare(wrong)
    with pytest.raises(AudienceError, match="'toys', channel: it is missing"):
        build_audiences(home.settings, read_manifest())


def test_a_file_that_is_not_text_is_reported_in_one_sentence(home: Home) -> None:
    (home.folder / "audiences.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(AudienceError, match=r"audiences\.yml cannot be read.*UTF-8"):
        build_definitions(home.settings)
