"""Checks each compiled model for Snowflake against an allow-list of functions and types.

Parsing alone proves little, because a parser accepts functions that the engine does not have.
"""

from itertools import pairwise

from sqlglot import exp, parse_one, tokenize
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from portable.project import Model, NotPortableError

# Functions that are in Snowflake's reference with the meaning that the models rely on.
FUNCTIONS = set(
    """
    abs cast ceil coalesce count date_trunc dateadd datediff extract floor initcap lag lead length
    listagg lower max median min nullif percent_rank power rank regexp_replace replace round
    row_number split_part sqrt substr sum to_char trim upper
    """.split()
)
# The parser's own names for listagg, date_trunc, dateadd and substr.
CANONICAL = {"group_concat", "timestamp_trunc", "date_add", "substring"}
# Syntax that is no function, but has a bracket after it (within group) or is parsed as one.
SYNTAX_WORDS = {"group"}
SYNTAX = (exp.And, exp.Or, exp.Xor, exp.Case, exp.If, exp.Exists)
TYPES = set("bigint boolean date decimal double int text timestamp".split())


class AsWritten(Snowflake):  # type: ignore[misc]  # sqlglot is not in .venv
    """Snowflake's dialect, but functions keep the names under which they were called."""

    NORMALIZE_FUNCTIONS = False


def check(models: tuple[Model, ...]) -> None:
    """Refuses the first model that uses a function or a type that is not on the list."""
    for model in models:
        try:
            unlisted = find_unlisted(model.sql)
        except SqlglotError as error:
            raise NotPortableError(f"snowflake: the model {model.name} fails: {error}") from None
        if unlisted:
            raise NotPortableError(
                f"snowflake: the model {model.name} uses {', '.join(sorted(unlisted))}, which is "
                "not on the list in portable/snowflake.py. Add it there if Snowflake has it with "
                "the same meaning; else give its macro a snowflake__ variant."
            )


def find_unlisted(sql: str) -> set[str]:
    tree = parse_one(sql, dialect=AsWritten)
    called = {name_of(call) for call in tree.find_all(exp.Func) if not isinstance(call, SYNTAX)}
    types = {kind.this.value.lower() for kind in tree.find_all(exp.DataType)}
    return (
        (called - FUNCTIONS - CANONICAL)
        | (names_before_brackets(sql) - FUNCTIONS - SYNTAX_WORDS)
        | (types - TYPES)
    )


def name_of(call: exp.Func) -> str:
    written = call.name if isinstance(call, exp.Anonymous) else call.meta.get("name")
    return str(written or call.sql_name()).lower()


def names_before_brackets(sql: str) -> set[str]:
    """Returns the names before brackets as written: to the parser date_diff and datediff are the
    same."""
    tokens = tokenize(sql, read=AsWritten)
    return {
        token.text.lower()
        for token, following in pairwise(tokens)
        if token.token_type == TokenType.VAR and following.token_type == TokenType.L_PAREN
    }
