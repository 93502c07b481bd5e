"""Which records become one person, and which do not."""

import math
import re
from datetime import date
from typing import NoReturn

import polars as pl
import pytest
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.internals.exceptions import SplinkException
from splink.internals.linker_components.training import LinkerTraining

import mock_data
from c360_dagster.dbt_runner.dbt_project import PROJECT
from c360_dagster.identity import RecordsError, Resolution, RulesError, resolve
from c360_dagster.identity.comparing import compare
from c360_dagster.identity.forms import _TITLES, normalise
from c360_dagster.identity.model import COMPARISONS, Model, count_values, probability, weigh
from c360_dagster.identity.records import order_records
from c360_dagster.identity.rules import Rules
from c360_dagster.identity.training import _as_splink_settings
from tests.identity.worlds import Row, frame, ids, person, record, world

ANNA: Row = person(1) | {
    "first_name": "Catherine",
    "last_name": "Elmdale",
    "date_of_birth": "1980-03-04",
}


def are_one_person(*rows: Row, rules: dict | None = None) -> bool:
    found = resolve(frame(rows), rules=rules)
    return found.identities["customer_id"].n_unique() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"email": " CATHERINE@Example.com ", "phone": None},
        {"phone": "+1 (212) 555-0147", "email": None},
        {"first_name": "Kate", "email": None, "phone": None},
        {"first_name": "Elmdale", "last_name": "Catherine", "email": None, "phone": None},
        {"last_name": "ÉLMDALE", "email": None, "phone": None},
        {"last_name": "Elmdle", "email": None, "phone": None},
        {"email": "catherine+shop@example.com", "phone": None, "date_of_birth": None},
        {"phone": "0012125550147", "email": None, "date_of_birth": None},
    ],
)
def test_spellings_of_one_person_are_matched(changes: Row) -> None:
    own = ANNA | {"email": "catherine@example.com", "phone": "212-555-0147"}
    assert are_one_person(record("crm", "C1", own), record("workbooks", "7", own, **changes))


@pytest.mark.parametrize(
    "other",
    [
        {"first_name": "Gerald", "date_of_birth": "1978-11-30"},  # her husband
        {"first_name": "Gerald"},  # her twin
        {"first_name": "Gerald", "date_of_birth": None},
        {"date_of_birth": "1951-12-25", "email": None, "phone": None},  # her mother
        {"first_name": "Catherin", "date_of_birth": "1978-11-30"},  # a husband with a similar name
    ],
)
def test_a_household_is_not_one_person(other: Row) -> None:
    pair = record("crm", "C1", ANNA), record("crm", "C2", ANNA, **other)
    assert not are_one_person(*pair)


@pytest.mark.parametrize(
    ("first_name", "other", "brief"),
    [("Jean-Pierre", "Jean-Paul", "Jean"), ("D'Andre", "D’Marco", "D’Andre")],
)
def test_a_name_of_two_parts_is_not_its_first_part(first_name: str, other: str, brief: str) -> None:
    """Otherwise two brothers in one household would both be called Jean."""
    own = ANNA | {"first_name": first_name}
    assert not are_one_person(record("crm", "C1", own), record("crm", "C2", own, first_name=other))
    assert are_one_person(record("crm", "C1", own), record("crm", "C2", own, first_name=brief))


@pytest.mark.parametrize(
    ("other", "is_same"),
    [("Maria Luisa", False), ("Maria Jane", False), ("Maria", True), ("Maria J.", True),
     ("Maria de Jose", True), ("Maria Josse", True)],
)  # fmt: skip
def test_a_second_first_name_tells_siblings_apart(*, other: str, is_same: bool) -> None:
    """Otherwise two sisters in one household would both be called Maria.

    Likewise, Abdul Rahman and Abdul Karim would have nearly the same name.
    """
    own = ANNA | {"email": None, "date_of_birth": None, "first_name": "Maria Jose"}
    assert (
        are_one_person(record("crm", "C1", own), record("crm", "C2", own, first_name=other))
        is is_same
    )


@pytest.mark.parametrize("title", ["Dr. ", "dr ", "Prof.Dr. ", "Mrs. "])
def test_a_title_is_no_name(title: str) -> None:
    """Otherwise a husband and wife who are both doctors would both be called Dr."""
    own = ANNA | {"email": None, "date_of_birth": None}
    pair = (record("crm", f"C{n}", own, first_name=title + n) for n in ("Anna", "Gerald"))
    assert not are_one_person(*pair)
    titled = record("crm", "C2", own, first_name=title + "Kate")
    assert are_one_person(record("crm", "C1", own), titled)


def test_titles_are_those_that_silver_leaves_out() -> None:
    """The list is written twice: SQL splits whole names, and Python compares first names."""
    texts = (PROJECT / "macros" / "texts.sql").read_text("utf-8")
    macro = texts.partition("macro without_title")[2].partition("endmacro")[0]
    in_silver = set(re.findall("'([a-z]+)'", macro))
    assert in_silver == set(re.findall("[a-z]{2,}", _TITLES))
    assert len(in_silver) > 9


def test_a_shared_phone_does_not_outweigh_different_birth_dates(
    known_world: pl.DataFrame, resolved: Resolution
) -> None:
    """The example is a father and son with the same name, address and phone.

    The model alone would take them for one person.
    """
    father = record("crm", "F1", ANNA)
    son = record("crm", "F2", ANNA, email="junior@example.org", date_of_birth="2001-11-30")
    found = resolve(pl.concat([known_world, frame([father, son])]), resolved)
    name = ids(found.identities)
    assert name["crm", "F1"] != name["crm", "F2"]
    assert "other birth date, else alike" in found.review["reason"].to_list()


def test_couples_with_one_email_are_not_learned_as_one_person() -> None:
    """Shops ask for no birth date, so only the first name tells a couple from one person."""
    people = world(200).with_columns(date_of_birth=pl.lit(None, pl.String))
    wives = people.filter((pl.col("source_system") == "crm") & (pl.int_range(pl.len()) % 4 == 0))
    own = pl.format("H{}", "source_id").alias("source_id")
    husbands = wives.with_columns(own, first_name=pl.lit("Gerald"))
    found = ids(resolve(pl.concat([people, husbands])).identities)
    assert not [one for one in husbands["source_id"] if found["crm", one] == found["crm", one[1:]]]
    assert found["crm", "C5"] == found["workbooks", "000005"]


def test_values_shared_in_a_household_are_listed_for_review() -> None:
    found = resolve(
        frame(
            [
                record("crm", "C1", ANNA),
                record("crm", "C2", ANNA, first_name="Gerald", date_of_birth="1978-11-30"),
                record("crm", "C3", ANNA),
            ]
        )
    )
    assert ids(found.identities)["crm", "C3"] == "C1"
    assert found.identities["customer_id"].n_unique() == 2


@pytest.mark.parametrize("field", ["email", "phone"])
def test_a_value_that_many_names_share_links_nobody(field: str) -> None:
    value = {"email": "front@desk.example", "phone": "212-555-0100"}[field]
    rows = [record("crm", f"C{n}", person(n) | {field: value}) for n in range(8)]
    nameless = dict.fromkeys(("first_name", "last_name", "date_of_birth", "email", "phone"))
    rows.append(record("workbooks", "1", person(1), **nameless | {field: value}))
    found = resolve(frame(rows))
    assert found.identities["customer_id"].n_unique() == 9
    assert found.review["reason"].str.contains("is shared by 9 records").any()


def test_two_similar_people_give_one_line_to_review(
    known_world: pl.DataFrame, resolved: Resolution
) -> None:
    """Two twins in two systems make four similar pairs, but only one of them is listed.

    A decision about that pair settles all four.
    """
    twins = [
        record(system, name, ANNA, first_name=name)
        for name in ("Catherine", "Gerald")
        for system in ("crm", "workbooks")
    ]
    records = pl.concat([known_world, frame(twins)])
    found = resolve(records, resolved)
    of_them = {"left_customer_id": "Catherine", "right_customer_id": "Gerald"}
    listed = found.review.filter(**of_them)
    assert listed["reason"].to_list() == ["other first name, else alike"]
    (pair,) = listed.select("left_system", "left_id", "right_system", "right_id").rows()
    decided = resolve(records, found, {"never": [[pair[:2], pair[2:]]]})
    assert decided.review.filter(**of_them).height == 0
    assert decided.review.height == found.review.height - 1


def test_many_similar_people_give_few_lines_to_review() -> None:
    """There are more equal records than one person may have.

    For each of them only its likeliest partner is listed, not every pair.
    """
    rows = [record("crm", f"T{n}", person(999)) for n in range(160)]
    assert resolve(frame(rows)).review.height < 2 * len(rows)


def test_shared_values_are_listed_whatever_the_order_of_records() -> None:
    """The first two records are one person, so the review lists the first and the third record.

    The office shares both an e-mail and a phone, so there are two lines.
    """
    office: Row = {"email": "front@desk.example", "phone": "212-555-0100"}
    rows = [record("crm", f"C{n}", person(max(n, 1)) | office) for n in range(7)]
    found = resolve(frame(rows))
    assert ids(found.identities)["crm", "C1"] == ids(found.identities)["crm", "C0"]
    assert found.review.select("left_id", "right_id", "reason").rows() == [
        ("C0", "C2", "their e-mail is shared by 7 records"),
        ("C0", "C2", "their phone is shared by 7 records"),
    ]


def test_an_address_for_everybody_links_nobody() -> None:
    pair = [
        record(
            "crm",
            f"C{n}",
            person(n),
            email="info@firm.example",
            first_name="Ann",
            last_name=None,
            date_of_birth=None,
            phone=None,
            address_line1=None,
        )
        for n in (1, 2)
    ]
    assert not are_one_person(*pair)
    assert are_one_person(*pair, rules={"never_link": {"emails": []}})


def test_records_without_identity_stay_apart() -> None:
    same = dict.fromkeys(("first_name", "last_name", "email", "phone", "date_of_birth"))
    rows = [record("crm", f"C{n}", person(3), **same) for n in range(5)]
    assert resolve(frame(rows)).identities["customer_id"].n_unique() == 5


def test_little_data_is_matched_by_rules_and_says_so() -> None:
    found = resolve(frame([record("crm", "C1", ANNA), record("workbooks", "1", ANNA)]))
    assert not found.report["is_trained"]
    assert "too few to learn from" in found.report["why"]
    assert found.identities["match_probability"].null_count() == 2
    assert found.identities["match_rule"].to_list() == ["same e-mail", "same e-mail"]


def test_a_placeholder_birth_date_is_ignored() -> None:
    """With too few records to learn from, an equal name and birth date link two records.

    Here two records have the same common name. A birth date that is a form's default must not link
    them; a real one must.
    """
    rows = [record("crm", f"C{n}", person(n), date_of_birth="2000-01-01") for n in range(20)]
    maria: Row = {"first_name": "Maria", "last_name": "Garcia"}
    rows += [record("crm", f"M{n}", person(500 + n) | maria) for n in range(2)]
    formal = [row | {"date_of_birth": "2000-01-01"} for row in rows]
    own = [row | {"date_of_birth": "1983-07-09"} if row in rows[-2:] else row for row in rows]
    assert resolve(frame(formal)).identities["customer_id"].n_unique() == 22
    assert resolve(frame(own)).identities["customer_id"].n_unique() == 21


def test_no_records_resolve_to_no_people() -> None:
    found = resolve(frame([]))
    assert found.identities.height == found.golden.height == found.review.height == 0


def test_columns_may_be_absent_and_sources_strange() -> None:
    found = resolve(
        pl.DataFrame(
            {
                "source_system": ["Kasse 2", "Kasse 2", "workbooks", "crm"],
                "source_id": ["007", "7", "0007", "0008"],
                "email": ["a@b.example", "c@d.example", "e@f.example", "a@b.example"],
            }
        )
    )
    assert ids(found.identities) == {
        ("Kasse 2", "007"): "0008",
        ("Kasse 2", "7"): "Kasse 2-7",
        ("workbooks", "0007"): "wb-0007",
        ("crm", "0008"): "0008",
    }


def test_dates_and_moments_may_be_typed() -> None:
    rows = frame([record("crm", "C1", ANNA), record("crm", "C2", ANNA, email=None, phone=None)])
    typed = rows.with_columns(
        pl.col("date_of_birth").str.to_date(), pl.col("registered_at").str.to_datetime()
    )
    found = resolve(typed)
    assert found.golden["date_of_birth"].to_list() == [date(1980, 3, 4)]


def test_a_key_that_stands_there_twice_is_an_error() -> None:
    with pytest.raises(RecordsError, match="crm:C1 is there twice"):
        resolve(frame([record("crm", "C1", ANNA), record("crm", "C1", ANNA)]))


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"thresholds": {"link": 1.01}}, "link is 1.01; it must be a number from 0 to 1"),
        ({"thresholds": {"review": -0.01}}, "review is -0.01; it must be a number from 0 to 1"),
        ({"thresholds": {"link": True}}, "link is True; it must be a number from 0 to 1"),
        ({"thresholds": {"link": 0.5}}, "review (0.6) lies above link (0.5); put it below"),
        ({"thresholds": {"lnik": 0.9}}, "thresholds knows no 'lnik'"),
        ({"limits": {"emails": "many"}}, "emails is 'many'; it must be a whole number"),
        ({"limits": {"emails": -1}}, "emails is -1; it must be a whole number"),
        ({"limits": {"emails": True}}, "emails is True; it must be a whole number"),
        ({"limits": {"people": 1}}, "it knows birth_dates, emails, first_names, records."),
        ({"limits": [1]}, "limits must be a list of names and values, not [1]"),
        ({"lmits": {"emails": 1}}, "the rules knows no 'lmits'"),
        ({"survivorship": {"fields": {"email": "newest"}}}, "email is 'newest'"),
        ({"survivorship": {"source_order": "crm"}}, "source_order is 'crm'; it must be a list"),
        ({"survivorship": {"source_order": [1]}}, "source_order is [1]; it must be a list"),
        ({"survivorship": {"adress": "earliest"}}, "survivorship knows no 'adress'"),
        ({"always": [[["crm", 1], ["crm", "2"]]]}, "ids in quotes"),
        ({"always": [[["crm", "1"]]]}, "two different records"),
        ({"always": [[["crm", "1"], ["2"]]]}, "two different records"),
        ({"always": [[["crm", "1"], ["crm", "1"]]]}, "two different records"),
        ({"never": "crm:1"}, "never is 'crm:1'; it must be a list of pairs"),
        ({"never_link": {"mails": []}}, "never_link knows no 'mails'"),
        ({"never_link": {"emails": ["("]}}, "regular expressions"),
        ({"never_link": {"phones": ["^(?!1)0"]}}, "regular expressions (look-around, including"),
        (
            {"always": [[["a", "1"], ["b", "2"]]], "never": [[["b", "2"], ["a", "1"]]]},
            "a:1 and b:2 stand under always and under never",
        ),
    ],
)
def test_bad_rules_are_one_sentence(rules: dict, sentence: str) -> None:
    with pytest.raises(RulesError, match=r".") as caught:
        resolve(frame([]), rules=rules)
    assert sentence in str(caught.value)


def test_rules_may_be_extreme_and_may_be_partial() -> None:
    default, pair = Rules.read(), [["workbooks", "7"], ["crm", "7"]]
    told = {"thresholds": {"link": 1, "review": 1}, "limits": {"emails": 0}, "always": [pair]}
    strict = Rules.read(told)
    assert (strict.link, strict.review, strict.max_emails) == (1, 1, 0)
    assert strict.always == ((("crm", "7"), ("workbooks", "7")),)
    assert (strict.max_records, strict.fields) == (default.max_records, default.fields)
    assert Rules.read({"thresholds": {"link": 0, "review": 0}}).link == 0
    assert Rules.read({"limits": None, "thresholds": {"link": None}}) == default


def test_weights_are_those_of_fellegi_and_sunter() -> None:
    """The first name agrees: m = .8, and u = .001 instead of .02, because 1 in 1000 has this name.

    The e-mails differ: m = .25, u = .997.
    """
    chosen = tuple(one for one in COMPARISONS if one.name in {"first", "email"})
    model = Model(chosen, 0.001, is_trained=True, why="", records=2, day_first=False)
    levels = pl.DataFrame(
        {"first": [0, -1], "email": [2, 2]}, schema=dict.fromkeys(("first", "email"), pl.Int8)
    )
    bits = weigh(levels, pl.DataFrame({"first": [0.001, 0.5]}), model)
    assert bits[0] == pytest.approx(math.log2(0.8 / 0.001) + math.log2(0.25 / 0.997), abs=1e-5)
    assert bits[1] == pytest.approx(math.log2(0.25 / 0.997), abs=1e-5)
    odds = 0.001 / 0.999 * 800 * (0.25 / 0.997)
    assert probability(bits, model.prior)[0] == pytest.approx(odds / (1 + odds), abs=1e-5)


def test_weights_are_those_that_splink_gives() -> None:
    """With the same parameters and pairs, and all values equally rare, the evidence is the same."""
    records = order_records(world(30))
    features = normalise(records, Rules.read(), day_first=False)
    model = Model(COMPARISONS, 0.001, is_trained=True, why="", records=45, day_first=False)
    at = pl.DataFrame({"left": range(features.height)}, schema={"left": pl.UInt32})
    pairs = at.join(at.rename({"left": "right"}), how="cross").filter(
        pl.col("left") < pl.col("right")
    )
    usual = {level.frequency: level.u for one in COMPARISONS for level in one.levels}
    levels, _ = compare(features, count_values(features), pairs, model)
    rarity = pl.DataFrame({name: [u] for name, u in usual.items() if name})
    ours = weigh(levels, rarity[[0] * pairs.height], model)
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_as_splink_settings(one) for one in COMPARISONS],
        blocking_rules_to_generate_predictions=[{"blocking_rule": "1 = 1"}],
        probability_two_random_records_match=0.001,
    )
    api = DuckDBAPI()
    linker = Linker(
        api.register(features.with_row_index("unique_id").to_arrow()), settings, log_level=None
    )
    told = pl.DataFrame(linker.inference.predict().as_record_list()).select(
        pl.min_horizontal("unique_id_l", "unique_id_r").cast(pl.UInt32).alias("left"),
        pl.max_horizontal("unique_id_l", "unique_id_r").cast(pl.UInt32).alias("right"),
        "match_weight",
    )
    both = pairs.with_columns(ours).join(told, on=["left", "right"])
    assert both.height == pairs.height
    before = math.log2(0.001 / 0.999)
    apart = (both["evidence"] + before - both["match_weight"]).abs()
    assert apart.max() == pytest.approx(0, abs=1e-4)


def test_planted_duplicates_are_found(resolved: Resolution) -> None:
    name = ids(resolved.identities)
    assert resolved.report["is_trained"]
    twice = [n for n in range(600) if n % 2]
    found = sum(name["workbooks", f"{n:06d}"] == name["crm", f"C{n}"] for n in twice)
    people = resolved.identities.filter(source_system="crm")["customer_id"].n_unique()
    assert found >= 0.99 * len(twice)
    assert people == 600


def test_records_may_be_the_very_same() -> None:
    """The example is somebody who tests the tills every night and leaves equal records.

    All duplicates to learn from are then certain.
    """
    others = [record("crm", f"C{n}", person(n)) for n in range(200)]
    found = resolve(frame([*others, *(record("crm", f"T{n}", person(999)) for n in range(12))]))
    assert found.report["is_trained"]
    assert found.report["people"] == 201


def test_an_interrupted_training_raises_the_databases_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Splink wraps the database's error in one of its own that begins with the SQL."""

    def learn(*_: object, **__: object) -> NoReturn:
        raise SplinkException("Error executing the following sql …") from RuntimeError("Query …")

    monkeypatch.setattr(LinkerTraining, "estimate_parameters_using_expectation_maximisation", learn)
    twice = [record("crm", f"{side}{n}", person(n)) for side in "CT" for n in range(400)]
    with pytest.raises(RuntimeError, match=r"^Query …$"):
        resolve(frame(twice))


def test_people_of_a_simulated_world_without_defects_are_all_told_apart(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("world")
    mock_data.generate(
        home, customers=1500, seed=5, start=date(2025, 1, 1), end=date(2025, 3, 31), defects=False
    )
    truth = pl.read_csv(home / "truth" / "identities.csv", infer_schema=False)
    crm = pl.read_csv(home / "landing" / "customer" / "customers.csv", infer_schema=False)
    shop = pl.read_excel(
        home / "landing" / "workbooks" / "Customer_master.xlsx", infer_schema_length=0
    )
    records = pl.concat(
        [
            crm.rename({"customer_id": "source_id", "registration_date": "registered_at"}).select(
                pl.lit("crm").alias("source_system"), pl.all()
            ),
            shop.select(
                pl.lit("workbooks").alias("source_system"),
                pl.col("customer_id").alias("source_id"),
                pl.col("name").alias("first_name"),
                "email",
                "phone",
                pl.col("location").str.head(-3).alias("city"),
                pl.col("location").str.tail(2).alias("state"),
                pl.col("signup_date").alias("registered_at"),
            ),
        ],
        how="diagonal",
    )
    found = resolve(records).identities.join(truth, on=["source_system", "source_id"])

    def count_pairs(*columns: str) -> int:
        sizes = found.group_by(columns).len()["len"].cast(pl.Int64)
        return int((sizes * (sizes - 1) // 2).sum())

    right = count_pairs("customer_id", "person_id")
    assert right == count_pairs("customer_id") == count_pairs("person_id") > 300
