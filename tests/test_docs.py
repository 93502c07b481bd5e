"""The docs are right: links lead somewhere; tables, settings and decisions are complete.

The tests need no network: they do not visit addresses on the web.
"""

import ast
import re
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pytest

from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.loading.schema import create_bronze
from landing_contract import Table, read_contract

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
OWN_DATA = (ROOT / "docs/your-own-data.md").read_text("utf-8")
AUDIENCES = (ROOT / "docs/audiences.md").read_text("utf-8")
GOLD = (ROOT / "docs/reading-gold.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
SUMMARY = (ROOT / "c360_dagster/messages/summary.py").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
SETTING = re.compile(r"(?<![A-Z_])C360_[A-Z_]+")


def without_code(text: str) -> str:
    """Returns the page without its fenced code, whose links and headings are only examples."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Returns the anchors of the page's headings, as GitHub spells them."""
    titles = [title.lower().strip() for title in HEADING.findall(without_code(text))]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def broken_links(page: Path) -> set[str]:
    """Returns the page's relative links that lead to no file in the repository or no heading."""
    root = ROOT if page.is_relative_to(ROOT) else page.parent
    broken = set()
    for link in LINK.findall(without_code(page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        is_there = target.is_relative_to(root) and target.exists()
        if not is_there or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.add(link)
    return broken


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def row_of(table: Table) -> list[str]:
    """Returns the cells of the table's row in the guide, below the heading of its folder."""
    section = OWN_DATA.split(f"### `landing/{table.folder}/`\n", 1)[-1].split("\n#", 1)[0]
    (row,) = [line for line in section.splitlines() if line.startswith(f"| `{table.name}` |")]
    return cells(row)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert not broken_links(page)


def test_the_readme_lists_every_setting_and_no_other() -> None:
    declared = set(SETTING.findall((ROOT / "c360_dagster/settings.py").read_text("utf-8")))
    listed = re.findall(r"^\| `(C360_[A-Z_]+)` \|", README, re.MULTILINE)
    assert set(listed) == declared
    assert len(listed) == len(set(listed))


def templates(program: str) -> list[str]:
    """Returns the program's f-strings as patterns.

    Those with little text of their own are left out, because they would match almost any line.
    """
    patterns = []
    for text in ast.walk(ast.parse(program)):
        if isinstance(text, ast.JoinedStr):
            parts = [str(each.value) if isinstance(each, ast.Constant) else None
                     for each in text.values]  # fmt: skip
            if len("".join(filter(None, parts))) > 15:
                patterns.append(
                    "".join(".+" if each is None else re.escape(each) for each in parts)
                )
    return patterns


def find_lines_never_printed(sample: str, program: str) -> list[str]:
    """Returns the sample's lines that the program never prints; a line of `…` stands for others."""
    patterns = templates(program)
    lines = [line for line in sample.splitlines() if line.strip() != "…"]
    return [line for line in lines if not any(re.fullmatch(each, line) for each in patterns)]


def test_the_readme_quotes_the_summary_of_a_run_correctly() -> None:
    (sample,) = re.findall(r"^```\n(Bronze holds.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert not find_lines_never_printed(sample, SUMMARY)


def test_no_page_speaks_of_a_setting_that_does_not_exist() -> None:
    declared = set(SETTING.findall((ROOT / "c360_dagster/settings.py").read_text("utf-8")))
    strangers = {
        (page.name, name)
        for page in PAGES
        for name in SETTING.findall(page.read_text("utf-8"))
        if name not in declared
    }
    assert not strangers


def test_no_page_speaks_of_a_verb_that_does_not_exist() -> None:
    verbs = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    strangers = {
        (page.name, verb)
        for page in PAGES
        for verb in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
        if verb not in verbs
    }
    assert not strangers


@pytest.mark.parametrize("table", read_contract().values(), ids=lambda table: table.name)
def test_the_guide_has_every_table_with_its_columns(table: Table) -> None:
    _, file, _, must_have, may_lack = row_of(table)
    assert file == f"`{table.file_stem}.{'xlsx' if table.is_workbook else 'csv'}`"
    assert set(re.findall(r"[\w]+", must_have.replace("*", ""))) == table.required
    assert set(re.findall(r"\w+", may_lack)) == set(table.column_names) - table.required
    assert tuple(re.findall(r"\*\*(\w+)\*\*", must_have)) == table.key


def test_the_guide_has_no_table_that_the_contract_lacks() -> None:
    folders = set(re.findall(r"^### `landing/(\w+)/`$", OWN_DATA, re.MULTILINE))
    assert folders == {table.folder for table in read_contract().values()}
    sections = OWN_DATA.split("## Which file goes where\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", sections, re.MULTILINE)
    assert sorted(listed) == sorted(read_contract())


def test_no_guide_says_that_something_is_still_to_come() -> None:
    """Only the README's settings may say that something is still to come."""
    guides = [*ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md"]
    assert [
        page.name for page in guides if "still to come" in " ".join(page.read_text("utf-8").split())
    ] == []


@pytest.mark.parametrize("name", ["load_log", "rejected_rows"])
def test_the_guide_explains_every_column_of_the_log_and_of_the_rejects(name: str) -> None:
    with duckdb.connect() as con:
        create_bronze(con, [])
        columns = {column for column, *_ in con.execute(f"describe bronze.{name}").fetchall()}
    part = OWN_DATA.split(f"`bronze.{name}` has one row", 1)[1].split("\n\n")[1]
    explained = {
        column for line in part.splitlines() for column in re.findall(r"`(\w+)`", cells(line)[0])
    }
    assert explained == columns


def test_the_guide_to_gold_names_every_table() -> None:
    manifest = read_manifest()
    tables = {
        node["name"]
        for node in [*manifest["nodes"].values(), *manifest["sources"].values()]
        if node["resource_type"] in {"model", "source"} and node["schema"] == "gold"
        if "own" not in node["fqn"]  # models that a user has added
    }
    assert "audience_changes" in tables, "what Python works out in gold is meant too"
    assert {name for name in tables if f"`{name}`" not in GOLD} == set()


def test_the_guide_to_audiences_can_be_followed_from_python() -> None:
    section = AUDIENCES.split("\n## From Python\n")[1]
    (example,) = re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(example, names)  # noqa: S102  the page's own words
    assert "then.mart_customer_360" in str(names["sql"])


def test_every_decision_is_in_the_index_under_its_own_title() -> None:
    index = (ROOT / "docs/adr/README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", index, re.MULTILINE)
    pages = [
        (number, path.name, title)
        for path in DECISIONS
        for number, title in re.findall(r"\A# (\d{4})\. (.+)\n", path.read_text("utf-8"))
    ]
    assert listed == pages
    assert len(pages) == len(DECISIONS), "a page opens with its number and its title"
    assert len({path.name[:4] for path in DECISIONS}) == len(DECISIONS), "numbers are given once"
    assert not {name for number, name, _ in pages if not name.startswith(f"{number}-")}


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_a_decision_is_one_short_page(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 35
    assert re.search(r"^(Accepted, \d{4}-\d\d-\d\d\.|Replaced by \d{4}\.)", text, re.MULTILINE)
    assert re.findall(r"^## (\w+ \w+)", text, re.MULTILINE) == [
        "What was",
        "What we",
        "What we",
        "What follows",
    ]


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) < 170


# The tests themselves can fail ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("[a](there.md)", set()),
        ("[a](there.md#a-heading-here)", set()),
        ("[a](#here)\n\n# Here", set()),
        ("[a](https://example.com/x)", set()),
        ("```\n[a](nowhere.md)\n```", set()),
        ("[a](nowhere.md)", {"nowhere.md"}),
        ("[a](there.md#elsewhere)", {"there.md#elsewhere"}),
        ("[a](../../outside.md)", {"../../outside.md"}),
    ],
)
def test_a_broken_link_is_seen(tmp_path: Path, text: str, broken: set[str]) -> None:
    (tmp_path / "there.md").write_text("# A heading, here\n")
    page = tmp_path / "page.md"
    page.write_text(text)
    assert broken_links(page) == broken
