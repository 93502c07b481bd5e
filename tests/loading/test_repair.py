"""Broken lines are taken out of a text. test_broken_lines.py tests their whole way to bronze."""

from pathlib import Path

import pytest

from c360_dagster.loading.repair import TOO_LONG, UNCLOSED, Repaired, repair_text


def repair(folder: Path, text: str, width: int) -> Repaired:
    (folder / "file.csv").write_text(text, newline="")
    return repair_text(folder / "file.csv", folder / "repaired.csv", width)


def test_each_record_is_found_again_with_its_line(tmp_path: Path) -> None:
    repaired = repair(tmp_path, 'a,b\n1,2\n\n3,"x\ny"\n4\n5,"6"', 2)
    assert list(repaired.fetch([1, 2, 4])) == [(1, 2, "1,2"), (2, 4, '3,"x\ny"'), (4, 7, '5,"6"')]
    assert {number: each.text for number, each in repaired.broken.items()} == {3: "4"}
    assert repaired.path.read_text() == 'a,b\n1,2\n3,"x\ny"\n"",""\n5,"6"\n'


@pytest.mark.parametrize(("lines", "reasons"), [(200, []), (201, [UNCLOSED, UNCLOSED])])
def test_a_cell_goes_on_over_two_hundred_lines_at_most(
    tmp_path: Path, lines: int, reasons: list[str]
) -> None:
    repaired = repair(tmp_path, 'a,b,c\n1,"{}",3\n'.format("\n" * lines), 3)
    assert [each.reason for each in repaired.broken.values()] == reasons


def test_a_long_cell_in_quotes_is_no_broken_line(tmp_path: Path) -> None:
    """By default, Python's reader accepts cells of at most an eighth of a megabyte."""
    assert repair(tmp_path, 'a,b\n1,"{}"\n'.format("x" * 1_900_000), 2).broken == {}


def test_a_record_in_quotes_is_rejected_as_too_long(tmp_path: Path) -> None:
    """The reason is the length, not the quotes, whether one cell is too long or all together."""
    half = "x" * 1_000_001
    for record in (f'"{half}{half}",2', f'"{half}","{half}"'):
        repaired = repair(tmp_path, f"a,b\n{record}\n1,2\n", 2)
        assert [(number, each.reason) for number, each in repaired.broken.items()] == [
            (1, TOO_LONG)
        ]


def test_two_lines_with_a_stray_quote_each_are_not_joined_to_one_record(tmp_path: Path) -> None:
    """Joined, they would have as many columns as the header. A quote within a cell is a letter."""
    repaired = repair(tmp_path, 'a,b,c\n1,"x,3\n4,y",6\n7,8,9\n', 3)
    assert [each.text for each in repaired.broken.values()] == ['1,"x,3']
