"""Who is in each audience, and who is left out."""

from pathlib import Path

from c360_dashboard.queries import audiences
from tests.dashboard.small_snapshot import AS_OF


def test_audiences_are_counted_from_their_manifests(published: Path) -> None:
    """The members are C1, C2 and C3 on one day, and C3 and C8 on the next.

    A damaged manifest is left out.
    """
    exports = published.parent / "exports"
    found = audiences.load(exports)
    (newest,) = found.latest.to_dicts()
    assert (newest["audience"], newest["as_of"]) == ("fans", AS_OF)
    assert (newest["members"], newest["entered"], newest["left"]) == (2, 1, 2)
    assert found.sizes["members"].to_list() == [3, 2]
    assert audiences.load(exports / "nowhere").latest.is_empty()
    (exports / "fans" / "2026-06-28.json").write_text("{", "utf-8")
    assert audiences.load(exports).sizes["members"].to_list() == [3, 2]
