"""The file of audiences: the shipped one is right; a mistake is one sentence with its place."""

from pathlib import Path

import pytest
import yaml

from c360_dagster.audiences.declarations import Audience, AudienceError, read_audiences
from c360_dagster.audiences.members import check_audience
from c360_dagster.settings import AUDIENCES, REPOSITORY, SettingsError, read_settings

FILE = "my.yml"
GOOD = """
purposes:
  marketing: {consent: required}
  service: {consent: not_needed, because: It sells nothing.}
audiences:
  - name: fans
    description: Those who buy.
    condition: total_orders > 3
    purpose: marketing
    channel: email
    holdout: 0.1
"""


def read_all(text: str, file: str) -> tuple[Audience, ...]:
    return read_audiences(text, file).require_all()


def mart_columns() -> dict[str, str]:
    path = REPOSITORY / "dbt_c360/models/marts/customer_360/mart_customer_360.yml"
    (mart,) = yaml.safe_load(path.read_text("utf-8"))["models"]
    return {column["name"]: column["data_type"] for column in mart["columns"]}


def test_the_five_that_ship_are_right() -> None:
    audiences = read_all(AUDIENCES.read_text("utf-8"), AUDIENCES.name)
    assert [audience.name for audience in audiences] == [
        "win_back",
        "second_purchase",
        "tier_upgrade",
        "late_delivery_apology",
        "next_best_category",
    ]
    for audience in audiences:
        assert check_audience(audience, mart_columns(), AUDIENCES.name)
        assert not audience.contact, "an address leaves the house only where somebody says so"
        assert audience.purpose.needs_consent or audience.purpose.because


def test_fields_left_out_get_the_careful_default() -> None:
    (fans,) = read_all(GOOD, FILE)
    assert (fans.contact, fans.columns, fans.webhook) == (False, (), None)
    assert fans.consents == ("marketing_email", "marketing")
    (plain,) = read_all(GOOD.replace("purpose: marketing", "purpose: service"), FILE)
    assert plain.consents == ()


def test_a_condition_is_kept_as_it_is_written() -> None:
    (fans,) = read_all(GOOD.replace("total_orders > 3", "loyalty_tier = 'a  b'"), FILE)
    assert fans.condition == "loyalty_tier = 'a  b'"


def test_an_address_is_a_secret_and_not_in_the_manifest() -> None:
    text = GOOD + "    webhook: https://crm.example.com/SECRET\n"
    (fans,) = read_all(text, FILE)
    assert fans.webhook == "https://crm.example.com/SECRET"
    assert "SECRET" not in str(fans.describe())


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("holdout: 0.1", "holdout: 10%", "audience 'fans', holdout: it is '10%'; it must be a sh"),
        ("holdout: 0.1", "holdout: 1", "audience 'fans', holdout: it is 1; it must be a share"),
        ("holdout: 0.1", "", "audience 'fans', holdout: it is missing."),
        ("    description: ", "    columns: []\n    # ", "description: it is missing."),
        ("holdout:", "holdout: 0.1\n    holdot:", "there is no field 'holdot'; did you mean hold"),
        ("condition:", "conditoin:", "condition: it is missing; did you mean conditoin?"),
        ("total_orders > 3", "3", "audience 'fans', condition: it is 3; it must be a text."),
        ("channel: email", "channel: fax", "channel: it is 'fax'; it must be email or sms or"),
        ("purpose: marketing", "purpose: ads", "purpose: it is 'ads'; it must be marketing or se"),
        ("name: fans", "name: Best Fans", "name: it is 'Best Fans'; it must be small letters"),
        ("name: fans", "name: ../fans", "name: it is '../fans'; it must be small letters"),
        ("channel: email", "channel: app\n    contact: true", "contact: nobody has an address for"),
        ("channel: email", "channel: email\n    contact: maybe", "it must be true or false."),
        ("channel: email", "channel: email\n    columns: churn_risk", "it must be a list of names"),
        (", because: It sells nothing.", "", "purpose 'service', because: it is missing."),
        ("consent: required", "consent: yes", "purpose 'marketing', consent: it is True; it mu"),
        (
            "    channel:",
            "    purpose: service\n    channel:",
            "line 10: it cannot be read as YAML: 'purpose' is given t",
        ),
        ("  - name", "  name", "it cannot be read as YAML"),
        ("purposes:", "porpoises:", "my.yml: purposes: it is missing; did you mean porpoises?"),
    ],
)
def test_a_mistake_is_reported_with_its_place(before: str, after: str, said: str) -> None:
    with pytest.raises(AudienceError) as raised:
        read_all(GOOD.replace(before, after), FILE)
    assert str(raised.value).startswith(FILE)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "audiences", "[1]", "purposes: {}\naudiences: x", "\x00"])
def test_a_file_that_declares_no_audiences_is_refused(text: str) -> None:
    with pytest.raises(AudienceError, match=r"^my\.yml"):
        read_all(text, FILE)


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(AudienceError, match="two audiences are called 'fans'"):
        read_all(GOOD + GOOD.split("audiences:")[1].removeprefix("\n"), FILE)


def test_a_bad_address_is_refused_and_not_repeated() -> None:
    for address in ("http://crm.example.com/SECRET", "ftp://SECRET", "SECRET", "https:///SECRET"):
        with pytest.raises(AudienceError, match=r"fans', webhook.*https://") as raised:
            read_all(f"{GOOD}    webhook: {address}\n", FILE)
        assert "SECRET" not in str(raised.value)


def test_a_column_that_is_not_there_is_named_with_its_audience() -> None:
    (fans,) = read_all(GOOD + "    columns: [total_order]\n", FILE)
    with pytest.raises(AudienceError) as raised:
        check_audience(fans, {"total_orders": "bigint"}, FILE)
    assert str(raised.value) == (
        "my.yml: audience 'fans', columns: there is no column 'total_order' in mart_customer_360; "
        "did you mean total_orders?"
    )
    (fans,) = read_all(GOOD.replace("total_orders", "orders_in_all"), FILE)
    with pytest.raises(AudienceError, match="'fans', condition: there is no column 'orders_in_al"):
        check_audience(fans, {"total_orders": "bigint"}, FILE)


def test_the_settings_name_the_file_and_keep_the_address_secret(tmp_path: Path) -> None:
    own = tmp_path / "own.yml"
    with pytest.raises(SettingsError, match=r"C360_AUDIENCES is .*own\.yml': there is no such fil"):
        read_settings({"C360_AUDIENCES": str(own)})
    own.write_text(GOOD)
    assert read_settings({"C360_AUDIENCES": str(own)}).audiences == own
    url = "http://crm.example.com/SECRET"
    with pytest.raises(SettingsError, match="C360_AUDIENCE_WEBHOOK_URL cannot be use") as raised:
        read_settings({"C360_AUDIENCE_WEBHOOK_URL": url})
    assert "SECRET" not in str(raised.value)
    here = "http://127.0.0.1:9/x"
    assert read_settings({"C360_AUDIENCE_WEBHOOK_URL": here}).audience_webhook_url == here
