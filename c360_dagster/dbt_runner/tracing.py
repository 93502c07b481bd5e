"""Finds which columns each column of a model is made of, from the model's compiled SQL.

Only what goes into a value counts: a filter or a join key is not a source of the rows it selects.
"""

from collections.abc import Iterator

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from c360_dagster.dbt_runner.lineage import Column, Columns


def trace_columns(sql: str, columns: Columns, dialect: str = "duckdb") -> dict[str, list[Column]]:
    """For each column of a query, the columns of tables that its value comes from, in order.

    Empty if the query cannot be read, because lineage is not worth a failed run.
    """
    try:
        tree = parse_one(sql, dialect=dialect)
        known = {
            schema: {table: dict.fromkeys(names, "text") for table, names in tables.items()}
            for schema, tables in columns.items()
        }
        scope = build_scope(
            qualify(tree, schema=known, dialect=dialect, validate_qualify_columns=False)
        )
    except SqlglotError:
        return {}
    if scope is None:
        return {}
    tracer = _Tracer(columns)
    return {
        name: sorted(tracer.trace(scope, position))
        for position, name in enumerate(scope.expression.named_selects)
    }


class _Tracer:
    """Follows columns through the scopes of one query; each is followed once."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.seen: dict[tuple[int, int], frozenset[Column]] = {}

    def trace(self, scope: Scope, position: int) -> frozenset[Column]:
        key = (id(scope), position)
        if key not in self.seen:
            self.seen[key] = frozenset(self._find(scope, position))
        return self.seen[key]

    def _find(self, scope: Scope, position: int) -> Iterator[Column]:
        if scope.set_operation_scopes:
            for branch in scope.set_operation_scopes:
                yield from self.trace(branch, position)
            return
        yield from self._read(scope, scope.expression.selects[position])

    def _read(self, scope: Scope, value: exp.Expression) -> Iterator[Column]:
        inner = {id(each.expression): each for each in scope.subquery_scopes}
        for node in value.walk(prune=lambda node: id(node) in inner):
            if id(node) in inner:
                for position in range(len(inner[id(node)].expression.selects)):
                    yield from self.trace(inner[id(node)], position)
            elif isinstance(node, exp.Column):
                yield from self._follow(scope, node.table, node.name)
            elif isinstance(node, exp.Count) and isinstance(node.this, exp.Star | None):
                yield from self._find_row_keys(scope)

    def _follow(self, scope: Scope, alias: str, name: str) -> Iterator[Column]:
        source = scope.sources.get(alias)
        if isinstance(source, exp.Table):
            if source.db:  # a table function has no schema
                yield (source.db, source.name, name)
        elif source is not None and name in source.expression.named_selects:
            yield from self.trace(source, source.expression.named_selects.index(name))

    def _find_row_keys(self, scope: Scope) -> Iterator[Column]:
        """Yields what `count(*)` counts: the columns that tell the counted rows apart."""
        for alias, (_, source) in scope.selected_sources.items():
            if isinstance(source, exp.Table):
                names = self.columns.get(source.db, {}).get(source.name, ())
                yield from ((source.db, source.name, name) for name in names[:1])
            elif (grouped := source.expression.args.get("group")) is not None:
                for each in grouped.expressions:
                    yield from self._read(source, each)
            elif source.expression.args.get("distinct") or source.set_operation_scopes:
                for name in source.expression.named_selects:
                    yield from self._follow(scope, alias, name)
            else:
                yield from self._find_row_keys(source)
