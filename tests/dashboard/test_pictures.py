"""The README's pictures exist, are small and shown, and match today's pages and graph."""

import re

import pytest
from PIL import Image

from c360_dagster.definitions import build_definitions
from c360_dagster.settings import REPOSITORY, read_settings
from c360_dashboard import pictures

README = (REPOSITORY / "README.md").read_text("utf-8")
NAMES = ("graph", "overview", "customer")
MOST_BYTES = 400_000


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_shows_each_picture_and_says_what_is_on_it(name: str) -> None:
    (alternative,) = re.findall(rf"!\[(.+?)\]\(docs/pictures/{name}\.png\)", README)
    assert len(alternative.split()) > 5
    with Image.open(pictures.FOLDER / f"{name}.png") as picture:
        assert 800 <= picture.width <= 2000


def test_the_pictures_are_small_and_nothing_else_lies_there() -> None:
    files = sorted(path.name for path in pictures.FOLDER.iterdir())
    assert files == sorted([*(f"{name}.png" for name in NAMES), "made-from.txt", "road.svg"])
    assert sum(path.stat().st_size for path in pictures.FOLDER.iterdir()) < MOST_BYTES


def test_the_pictures_are_of_today() -> None:
    specs = build_definitions(read_settings({})).resolve_all_asset_specs()
    edges = pictures.join_layers(
        (spec.key.path[0], [dep.asset_key.path[0] for dep in spec.deps]) for spec in specs
    )
    written = pictures.MADE_FROM.read_text("utf-8")
    assert written == pictures.describe_origin(edges), (
        "The README's pictures show an older graph or older pages: type `make pictures`."
    )


def test_a_picture_is_outdated_by_changed_code_but_not_by_a_comment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path_factory.mktemp("root")
    for path in (REPOSITORY / "c360_dashboard").rglob("*.py"):
        copy = root / path.relative_to(REPOSITORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(pictures, "REPOSITORY", root)
    before = {page: pictures.take_checksum(page) for page in pictures.PAGES}
    view = root / "c360_dashboard" / "views" / "overview.py"
    view.write_text(view.read_text("utf-8") + '\n# A comment.\n"""A docstring."""\n', "utf-8")
    assert {page: pictures.take_checksum(page) for page in pictures.PAGES} == before
    view.write_text(view.read_text("utf-8") + "\nTITLE = 'Other'\n", "utf-8")
    changed = {page for page in pictures.PAGES if pictures.take_checksum(page) != before[page]}
    assert changed == {"overview"}
