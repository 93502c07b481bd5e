"""Whoever reads a file that is being replaced gets the whole old one or the whole new one."""

from pathlib import Path

import pytest

from c360_dagster.resources.atomic_files import replace_file


def test_a_reader_during_the_replacement_has_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    replace_file(path, "old")
    with path.open() as reader:
        replace_file(path, b"new")
        assert reader.read() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    with pytest.raises(OSError, match=r"page\.html"):
        replace_file(tmp_path / "page.html", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
