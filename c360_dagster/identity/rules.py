"""Reads and checks the rules for matches and surviving values.

The defaults are in rules.yml only, which also explains what each rule means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl
import yaml

Record = tuple[str, str]
Pair = tuple[Record, Record]
SURVIVORSHIP_RULES = (
    "most_recent",
    "earliest",
    "most_frequent",
    "longest_valid",
    "source_priority",
)


class RulesError(ValueError):
    """Raised for rules that cannot be used. The message names the place and what is accepted."""


@dataclass(frozen=True)
class Rules:
    link: float
    review: float
    max_records: int
    max_birth_dates: int
    max_first_names: int
    max_emails: int
    shared_by_names: int
    emails_that_never_link: tuple[str, ...]
    phones_that_never_link: tuple[str, ...]
    source_order: tuple[str, ...]
    address: str
    fields: Mapping[str, str]
    other_fields: str
    always: tuple[Pair, ...]
    never: tuple[Pair, ...]

    @staticmethod
    def read(content: "Rules | Mapping[str, Any] | None" = None) -> "Rules":
        """Returns the rules of a parsed file like rules.yml; what it leaves out is the default."""
        if isinstance(content, Rules):
            return content
        return _read_over(_default_rules(), content) if content else _default_rules()

    def survives_by(self, field: str) -> str:
        return self.fields.get(field, self.other_fields)

    @property
    def matching(self) -> list[object]:
        """What the comparison of two records depends on. If it changes, all are compared again."""
        return [
            self.review,
            self.shared_by_names,
            list(self.emails_that_never_link),
            list(self.phones_that_never_link),
        ]

    @property
    def grouping(self) -> list[object]:
        """What the grouping of compared records depends on, apart from decisions.

        If it changes, all records are grouped again.
        """
        return [
            self.link,
            self.max_records,
            self.max_birth_dates,
            self.max_first_names,
            self.max_emails,
        ]

    @property
    def surviving(self) -> list[object]:
        """What golden records depend on. If it changes, all are made again."""
        return [
            list(self.source_order),
            self.address,
            sorted(self.fields.items()),
            self.other_fields,
            list(self.emails_that_never_link),
            list(self.phones_that_never_link),
        ]


@cache
def _default_rules() -> Rules:
    text = files(__package__).joinpath("rules.yml").read_text("utf-8")
    empty = Rules(0, 0, 0, 0, 0, 0, 0, (), (), (), "", {}, "", (), ())
    return _read_over(empty, yaml.safe_load(text))


def _read_over(base: Rules, content: Mapping[str, Any]) -> Rules:
    """Returns the base rules, replaced where the content says otherwise."""
    top = _Part("the rules", content)
    thresholds, limits = top.part("thresholds"), top.part("limits")
    never_link, survivorship = top.part("never_link"), top.part("survivorship")
    fields = survivorship.part("fields")
    rules = replace(
        base,
        link=thresholds.share("link", base.link),
        review=thresholds.share("review", base.review),
        max_records=limits.count("records", base.max_records),
        max_birth_dates=limits.count("birth_dates", base.max_birth_dates),
        max_first_names=limits.count("first_names", base.max_first_names),
        max_emails=limits.count("emails", base.max_emails),
        shared_by_names=top.count("shared_by_names", base.shared_by_names),
        emails_that_never_link=never_link.patterns("emails", base.emails_that_never_link),
        phones_that_never_link=never_link.patterns("phones", base.phones_that_never_link),
        source_order=survivorship.words("source_order", base.source_order),
        address=survivorship.rule("address", base.address),
        fields={
            **base.fields,
            **{str(name): fields.rule(str(name), "") for name in fields.content},
        },
        other_fields=survivorship.rule("other_fields", base.other_fields),
        always=top.pairs("always", base.always),
        never=top.pairs("never", base.never),
    )
    for part in (thresholds, limits, never_link, survivorship, top):
        part.refuse_unknown()
    if rules.review > rules.link:
        raise RulesError(
            f"thresholds: review ({rules.review}) lies above link ({rules.link}); put it below."
        )
    both = {frozenset(pair) for pair in rules.always} & {frozenset(pair) for pair in rules.never}
    if both:
        left, right = (f"{system}:{name}" for system, name in sorted(min(both, key=sorted)))
        raise RulesError(f"{left} and {right} stand under always and under never; remove one line.")
    return rules


class _Part:
    """One mapping of the rules. It remembers the names it was asked for, to refuse all others."""

    def __init__(self, name: str, content: object) -> None:
        if not isinstance(content, Mapping):
            raise RulesError(f"{name} must be a list of names and values, not {content!r}.")
        self.name, self.content = name, content
        self.known: set[str] = set()

    def part(self, name: str) -> "_Part":
        return _Part(name, self._get(name, {}))

    def share(self, name: str, default: float) -> float:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self._wrong(name, value, "a number from 0 to 1")
        return float(value)

    def count(self, name: str, default: int) -> int:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._wrong(name, value, "a whole number")
        return int(value)

    def rule(self, name: str, default: str) -> str:
        value = self._get(name, default)
        if value not in SURVIVORSHIP_RULES:
            raise self._wrong(name, value, " or ".join(SURVIVORSHIP_RULES))
        return str(value)

    def words(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self._get(name, default)
        if not _is_list(value) or not all(isinstance(word, str) for word in value):
            raise self._wrong(name, value, "a list of texts")
        return tuple(value)

    def patterns(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        patterns = self.words(name, default)
        for pattern in patterns:
            # Checked with polars, which uses them: Python accepts patterns that polars refuses.
            try:
                pl.Series([""]).str.contains(pattern)
            except pl.exceptions.ComputeError as problem:
                (cause, *_) = str(problem).rsplit("error: ", maxsplit=1)[-1].splitlines()
                what = f"a list of regular expressions ({cause})"
                raise self._wrong(name, pattern, what) from None
        return patterns

    def pairs(self, name: str, default: tuple[Pair, ...]) -> tuple[Pair, ...]:
        value = self._get(name, default)
        if not _is_list(value):
            raise self._wrong(name, value, "a list of pairs")
        return tuple(self._pair(name, pair) for pair in value)

    def _pair(self, name: str, pair: Any) -> Pair:  # noqa: ANN401  as YAML has it
        good = (
            _is_list(pair)
            and len(pair) == 2
            and all(
                _is_list(end) and len(end) == 2 and all(isinstance(text, str) for text in end)
                for end in pair
            )
        )
        if not good or tuple(pair[0]) == tuple(pair[1]):
            example = "two different records as [[crm, 'C1'], [workbooks, '0007']], ids in quotes"
            raise self._wrong(name, pair, example)
        left, right = sorted((str(system), str(key)) for system, key in pair)
        return left, right

    def refuse_unknown(self) -> None:
        for name in self.content:
            if name not in self.known:
                raise RulesError(
                    f"{self.name} knows no '{name}'; it knows {', '.join(sorted(self.known))}."
                )

    def _get(self, name: str, default: Any) -> Any:  # noqa: ANN401  as YAML has it
        self.known.add(name)
        value = self.content.get(name)
        return default if value is None else value

    def _wrong(self, name: str, value: object, wanted: str) -> RulesError:
        return RulesError(f"{self.name}: {name} is {value!r}; it must be {wanted}.")


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
