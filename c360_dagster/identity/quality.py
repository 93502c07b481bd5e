"""Measures precision and recall of a resolution, over pairs of records, if the truth is known."""

from dataclasses import dataclass

import polars as pl

RECORD = ("source_system", "source_id")


@dataclass(frozen=True)
class PairQuality:
    """Numbers of pairs: those said to be one person, those that are, and those that are both."""

    predicted: int
    actual: int
    correct: int

    @property
    def precision(self) -> float:
        return self.correct / self.predicted if self.predicted else 1.0

    @property
    def recall(self) -> float:
        return self.correct / self.actual if self.actual else 1.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def measure_pairs(identities: pl.DataFrame, truth: pl.DataFrame) -> PairQuality:
    """Compares customer_id with the truth's person_id, over the records that both know."""
    both = identities.select(*RECORD, "customer_id").join(
        truth.select(*RECORD, "person_id"), on=RECORD
    )
    return PairQuality(
        predicted=_count_pairs(both, "customer_id"),
        actual=_count_pairs(both, "person_id"),
        correct=_count_pairs(both, "customer_id", "person_id"),
    )


def _count_pairs(records: pl.DataFrame, *groups: str) -> int:
    sizes = records.group_by(groups).len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1) // 2).sum())
