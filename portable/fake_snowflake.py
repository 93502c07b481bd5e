"""Builds every model on empty tables with dbt's Snowflake adapter and fakesnow's server.

fakesnow translates the SQL into DuckDB's, so this proves that the statements are valid, but not
that their values are right.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fakesnow
import snowflake.connector
import yaml

from portable.project import NotPortableError, Project, failures, run_dbt

ACCESS = ("account", "user", "password", "host", "port", "protocol")
# Columns named by a word of SQL: the models quote them, so they must be created in lower case.
QUOTED = {"group"}


def build(project: Project, folder: Path) -> None:
    """Builds seeds and models with their contracts; raises with the names of those that fail."""
    folder.mkdir(parents=True, exist_ok=True)
    with quiet(), fakesnow.server() as server:
        with snowflake.connector.connect(**server) as connection:
            for statement in statements(project):
                try:
                    connection.cursor().execute(statement)
                except snowflake.connector.Error as error:
                    raise NotPortableError(
                        f"snowflake, on fakesnow: `{statement}` fails: {error}"
                    ) from None
        profile = {key: server[key] for key in ACCESS}
        profile |= {"type": "snowflake", "database": "C360", "schema": "silver", "threads": 1}
        profiles = {"c360": {"target": "snowflake", "outputs": {"snowflake": profile}}}
        (folder / "profiles.yml").write_text(yaml.safe_dump(profiles), "utf-8")
        options = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        done = run_dbt("build", "snowflake", folder, *options, profiles=folder)
    if done.returncode:
        raise NotPortableError(f"snowflake, on fakesnow: {failures(folder) or done.stdout.strip()}")


def statements(project: Project) -> Iterator[str]:
    yield "create database C360"
    for schema in project.schemas:
        yield f"create schema {schema}"
    for table in project.sources:
        columns = ", ".join(
            f'"{name}" {kind}' if name in QUOTED else f"{name} {kind}"
            for name, kind in table.columns.items()
        )
        yield f"create table {table.relation} ({columns})"


@contextmanager
def quiet() -> Iterator[None]:
    """Suppresses the server's log of every request and the translator's warnings."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
