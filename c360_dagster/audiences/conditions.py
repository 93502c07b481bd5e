"""Checks an audience's condition: parses it as SQL and accepts it only if every part is known.

An accepted condition is written again from the syntax tree, so the file's own text never reaches
the database.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError

from c360_dagster.audiences.declarations import suggest

DIALECT = "duckdb"
NUMBER, TEXT, BOOLEAN, DATE = "a number", "text", "true or false", "a date"
NOTHING = "null"
ALLOWED_SYNTAX = "and, or, not, =, <>, <, <=, >, >=, between, in, is null, like, + - * / %"
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeNEQ)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
SAME_KIND = (exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif)
FUNCTIONS: Mapping[type[exp.Expression], tuple[str, str]] = {
    exp.Abs: (NUMBER, NUMBER),
    exp.Round: (NUMBER, NUMBER),
    exp.Lower: (TEXT, TEXT),
    exp.Upper: (TEXT, TEXT),
    exp.Length: (TEXT, NUMBER),
}
"""For each function, the kind of value that it takes and the kind that it returns."""
ALLOWED_FUNCTIONS = "abs, coalesce, date_diff, greatest, least, length, lower, nullif, round, upper"
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
UNITS = ("DAY", "WEEK", "MONTH", "YEAR")


class ConditionError(ValueError):
    """Raised for a condition that cannot be used. The message names the column if there is one."""


def check_condition(text: str, columns: Mapping[str, str], table: str) -> str:
    """Returns the condition as SQL for DuckDB. `columns` are the table's with declared types."""
    kinds = {name: _family(kind) for name, kind in columns.items()}
    moments = {name for name, kind in columns.items() if kind.lower().startswith("timestamp")}
    try:
        return _check(text, _Reader(kinds, table), moments)
    except RecursionError:
        raise ConditionError("it is too long: name many values with in ('A', 'B', 'C')") from None


def _check(text: str, reader: "_Reader", moments: Collection[str]) -> str:
    tree = _parse(text)
    if (kind := reader.kind(tree)) != BOOLEAN:
        raise ConditionError(
            f"it must be something that is true or false of a customer, and `{_show(tree)}` is "
            f"{kind}"
        )
    return str(tree.transform(_spell_out, moments).sql(DIALECT, comments=False))


def _spell_out(node: exp.Expression, moments: Collection[str]) -> exp.Expression:
    """Makes a division by zero null, and a timestamp its day.

    In DuckDB a division by zero is infinity or an error. With timestamps, `<= date '2025-12-31'`
    would leave out everybody who ordered that morning.
    """
    if isinstance(node, exp.Div | exp.Mod):
        zero = exp.Literal.number(0)
        node.set("expression", exp.Nullif(this=node.expression, expression=zero))
    if isinstance(node, exp.Column) and node.name in moments:
        return exp.cast(node, exp.DType.DATE)
    return node


def _parse(text: str) -> exp.Expression:
    dialect = Dialect.get_or_raise(DIALECT)
    try:
        if any(token.comments for token in dialect.tokenize(text)):
            # YAML joins lines, so the comment would swallow what was written below it.
            raise ConditionError("a comment is not let through: describe it in the description")
        found = dialect.parse_into(exp.Condition, text)
    except ParseError as problem:
        error = problem.errors[0]
        raise ConditionError(
            f"it cannot be read from '{error['highlight']}' on (character {error['col']}): one "
            "expression is wanted, such as total_orders = 1 and loyalty_tier in ('Gold', 'Silver')"
        ) from None
    except SqlglotError:
        raise ConditionError("it cannot be read: a quote is opened and not closed") from None
    whole = [tree for tree in found if tree is not None]
    if len(whole) != 1:
        raise ConditionError("it must be one expression, such as total_orders = 1")
    return whole[0]


class _Reader:
    """Finds the kind of value that an expression has, and refuses expressions it does not know."""

    def __init__(self, columns: Mapping[str, str], table: str) -> None:
        self.columns, self.table = columns, table
        self.readers: Mapping[tuple[type[exp.Expression], ...], Callable[..., str]] = {
            (exp.Paren,): lambda node: self.kind(node.this),
            (exp.Boolean,): lambda _: BOOLEAN,
            (exp.Null,): lambda _: NOTHING,
            (exp.Literal,): lambda node: TEXT if node.is_string else NUMBER,
            (exp.Column,): self._column,
            (exp.And, exp.Or, exp.Not): lambda node: self._all(BOOLEAN, node, BOOLEAN),
            COMPARISONS: self._compare,
            (exp.Is,): lambda node: self._alike(node, [node.this, node.expression], BOOLEAN),
            (exp.Between,): lambda node: self._alike(
                node, [node.this, node.args["low"], node.args["high"]], BOOLEAN
            ),
            (exp.In,): self._in,
            (exp.Like, exp.ILike): lambda node: self._all(TEXT, node, BOOLEAN),
            (*ARITHMETIC, exp.Neg): lambda node: self._all(NUMBER, node, NUMBER),
            SAME_KIND: lambda node: self._alike(node, _arguments(node)),
            tuple(FUNCTIONS): lambda node: self._all(
                FUNCTIONS[type(node)][0], node, FUNCTIONS[type(node)][1]
            ),
            (exp.Cast,): self._cast,
            (exp.DateDiff,): self._date_diff,
        }

    def kind(self, node: exp.Expression) -> str:
        for types, read in self.readers.items():
            if type(node) in types:
                return read(node)
        what = "a query of its own" if node.find(exp.Query) else f"`{_show(node)}`"
        raise ConditionError(
            f"{what} is not let through. There are the columns of {self.table}, {ALLOWED_SYNTAX}, "
            f"and the functions {ALLOWED_FUNCTIONS}"
        )

    def _column(self, node: exp.Column) -> str:
        if node.table or not isinstance(node.this, exp.Identifier):
            raise ConditionError(f"`{_show(node)}`: write the column alone, without a table")
        name = node.name.lower()
        if name not in self.columns:
            hint = suggest(name, self.columns).removesuffix(".").removesuffix("?")
            quotes = " (text stands in single quotes)" if node.this.quoted else ""
            raise ConditionError(f"there is no column '{node.name}' in {self.table}{quotes}{hint}")
        node.set("this", exp.to_identifier(name, quoted=True))
        return self.columns[name]

    def _all(self, wanted: str, node: exp.Expression, result: str) -> str:
        for part in _arguments(node):
            self._expect(wanted, part, node)
        return result

    def _alike(
        self, node: exp.Expression, parts: Iterable[exp.Expression], result: str | None = None
    ) -> str:
        """Checks that all parts are of one kind: a column's kind if one of them is a column."""
        first, *others = sorted(parts, key=lambda part: not isinstance(part, exp.Column))
        wanted = self.kind(first)
        for part in others:
            kind = self.kind(part)
            if NOTHING in {wanted, kind}:
                wanted = kind if wanted == NOTHING else wanted
            elif kind != wanted and not (wanted == DATE and _is_date(part)):
                quotes = ": text stands in single quotes, numbers in none"
                raise ConditionError(
                    f"in `{_show(node)}`, {_show(first)} is {wanted} and {_show(part)} is {kind}"
                    + (quotes if {kind, wanted} == {NUMBER, TEXT} else "")
                )
        return result or wanted

    def _expect(self, wanted: str, part: exp.Expression, node: exp.Expression) -> None:
        kind = self.kind(part)
        if kind not in {wanted, NOTHING}:
            raise ConditionError(f"`{_show(node)}` wants {wanted}, and {_show(part)} is {kind}")

    def _compare(self, node: exp.Binary) -> str:
        if isinstance(node.expression, exp.Null):
            raise ConditionError(f"`{_show(node)}` is true of nobody: write is null or is not null")
        return self._alike(node, [node.this, node.expression], BOOLEAN)

    def _in(self, node: exp.In) -> str:
        if set(node.args) - {"this", "expressions"} and not node.expressions:
            raise ConditionError(f"`{_show(node)}`: a query of its own is not let through")
        return self._alike(node, [node.this, *node.expressions], BOOLEAN)

    def _cast(self, node: exp.Cast) -> str:
        if not isinstance(node.this, exp.Literal) or node.to.this != exp.DType.DATE:
            raise ConditionError(f"`{_show(node)}` is not let through; a date is date '2025-12-31'")
        if not _is_date(node.this):
            raise ConditionError(f"`{_show(node.this)}` is no date such as '2025-12-31'")
        return DATE

    def _date_diff(self, node: exp.DateDiff) -> str:
        if node.text("unit").upper() not in UNITS:
            raise ConditionError(
                f"`{_show(node)}`: the first of date_diff is {', '.join(UNITS).lower()}"
            )
        for part in (node.this, node.expression):
            self._expect(DATE, part, node)
        return NUMBER


def _arguments(node: exp.Expression) -> list[exp.Expression]:
    """Returns the parts of an expression that its class declares, without identifiers."""
    return [part for part in node.iter_expressions() if not isinstance(part, exp.Identifier)]


def _family(kind: str) -> str:
    """Returns the kind of value that a declared type holds."""
    name = kind.lower()
    if name.startswith(("date", "timestamp")):
        return DATE
    if name.startswith("bool"):
        return BOOLEAN
    return TEXT if name in {"string", "text", "varchar"} else NUMBER


def _is_date(node: exp.Expression) -> bool:
    if not isinstance(node, exp.Literal) or not node.is_string or not DAY.fullmatch(node.name):
        return False
    try:
        date.fromisoformat(node.name)
    except ValueError:
        return False
    return True


def _show(node: exp.Expression) -> str:
    """Returns the SQL as a person would write it, without quotes around columns."""
    bare = node.transform(
        lambda each: exp.to_identifier(each.name) if isinstance(each, exp.Identifier) else each
    )
    return str(bare.sql(DIALECT, comments=False, normalize_functions="lower"))
