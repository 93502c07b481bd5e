"""Checks each compiled model for Snowflake against an allow-list of functions and types.

Parsing SQL proves little by itself: a parser accepts functions that the engine does not have.
"""

from itertools import pairwise

from sqlglot import exp, parse_one, tokenize
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from portable.project import Model, NotPortableError

# Each is in Snowflake's reference with the meaning that the models rely on.
FUNCTIONS = set(
    """
    abs cast ceil coalesce count date_trunc dateadd datediff extract floor initcap lag lead length
    listagg lower max median min nullif percent_rank power rank regexp_replace replace round
    row_number split_part sqrt substr sum to_char trim upper
    """.split()
)
# What the tree calls listagg, date_trunc, dateadd and substr.
CANONICAL = {"group_concat", "timestamp_trunc", "date_add", "substring"}
# Syntax that the tree shows as a function, or that has a bracket behind it (within group).
SYNTAX_WORDS = {"group"}
SYNTAX = (exp.And, exp.Or, exp.Xor, exp.Case, exp.If, exp.Exists)
TYPES = set("bigint boolean date decimal double int text timestamp".split())


class AsWritten(Snowflake):  # type: ignore[misc]  # sqlglot is not in .venv
    """Snowflake's dialect, which remembers how a function was called."""

    NORMALIZE_FUNCTIONS = False


def check(models: tuple[Model, ...]) -> None:
    """Refuse the first model that holds a function or a type which is not on the list."""
    for model in models:
        try:
            strangers = strangers_in(model.sql)
        except SqlglotError as error:
            raise NotPortableError(f"snowflake: the model {model.name} fails: {error}") from None
        if strangers:
            raise NotPortableError(
                f"snowflake: the model {model.name} uses {', '.join(sorted(strangers))}, which is "
                "not on the list in portable/snowflake.py. Add it there if Snowflake has it with "
                "the same meaning; else give its macro a snowflake__ variant."
            )


def strangers_in(sql: str) -> set[str]:
    tree = parse_one(sql, dialect=AsWritten)
    called = {name_of(call) for call in tree.find_all(exp.Func) if not isinstance(call, SYNTAX)}
    types = {kind.this.value.lower() for kind in tree.find_all(exp.DataType)}
    return (
        (called - FUNCTIONS - CANONICAL)
        | (written_in(sql) - FUNCTIONS - SYNTAX_WORDS)
        | (types - TYPES)
    )


def name_of(call: exp.Func) -> str:
    written = call.name if isinstance(call, exp.Anonymous) else call.meta.get("name")
    return str(written or call.sql_name()).lower()


def written_in(sql: str) -> set[str]:
    """The names before brackets, as written: the tree makes date_diff and datediff one."""
    tokens = tokenize(sql, read=AsWritten)
    return {
        token.text.lower()
        for token, following in pairwise(tokens)
        if token.token_type == TokenType.VAR and following.token_type == TokenType.L_PAREN
    }
