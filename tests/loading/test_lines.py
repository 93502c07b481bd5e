"""A file's lines are the same whether they are taken many at a time or one by one."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c360_dagster.loading.lines import Lines, Run

PIECES = [
    *(b"a", b"b,c", b'"', b'""', b',"', b'",', b'"e,f"', b',"g ""h"" i",'),
    *(b"\n", b"\r\n", b"\n\n", b"\r", b"plain\n" * 9, b"d\r\n" * 12, b'j,"k,l"\n' * 9),
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join),
    chunk=st.sampled_from([5, 40, 1 << 20]),
)
def test_lines_are_the_same_one_by_one_and_many_at_a_time(
    content: bytes, chunk: int, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("c360_dagster.loading.content.CHUNK", chunk)
        singly = list(Lines(path))
        assert _take(Lines(path)) == [numbered for numbered in singly if numbered[1]]
        blocks = iter(Lines(path).take_block, None)
        assert [pair for run in blocks for pair in _pair(run)] == _take(Lines(path))
    text = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    expected = text.removesuffix(b"\n").split(b"\n") if text else []
    assert [line for _, line in singly] == expected
    assert [number for number, _ in singly] == [*range(1, len(singly) + 1)]


def _take(lines: Lines) -> list[tuple[int, bytes]]:
    taken: list[tuple[int, bytes]] = []
    while True:
        if plain := lines.take_sound():
            assert all(plain.texts)
            for text, shape in zip(plain.texts, plain.shapes, strict=True):
                rows = list(csv.reader([text.decode()], strict=True))
                assert [len(row) for row in rows] == [shape.count(b",") + 1]
            taken += _pair(plain)
        elif numbered := next(lines, None):
            taken += [numbered] if numbered[1] else []
        else:
            return taken


def _pair(run: Run) -> list[tuple[int, bytes]]:
    return [*zip(run.numbers, run.texts, strict=True)]


def test_what_was_put_back_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"1\n2\n" + b"3\n" * 20)
    lines = Lines(path)
    both = [next(lines), next(lines)]
    lines.put_back(both)
    assert lines.take_sound() is None
    assert [next(lines), next(lines)] == both
    plain = lines.take_sound()
    assert plain
    assert plain.numbers == [*range(3, 23)]
