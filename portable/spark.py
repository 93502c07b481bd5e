"""Lets a local Spark session analyse each compiled model on empty tables, in dependency order."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from portable.project import Model, NotPortableError, Project

LOGGING = Path(__file__).with_name("log4j2.properties")
TYPES = {"varchar": "string"}


def analyse(project: Project, folder: Path) -> None:
    """Refuses the first model that Spark does not understand or whose columns break a contract."""
    with open_session(folder) as spark:
        for schema in project.schemas:
            spark.sql(f"create database if not exists {schema}")
        for table in (*project.sources, *project.seeds):
            columns = {name: TYPES.get(kind, kind) for name, kind in table.columns.items()}
            try:
                create(spark, table.relation, columns)
            except PySparkException as error:
                raise NotPortableError(f"spark: no table {table.relation}: {error}") from None
        for model in project.models:
            try:
                columns = columns_of(spark.sql(model.sql).schema)
                create(spark, model.relation, columns)
            except PySparkException as error:
                reason = str(error).strip().splitlines()[0].rstrip(";")  # the query's plan follows
                raise NotPortableError(f"spark: the model {model.name} fails: {reason}") from None
            check_contract(spark, model, columns)


@contextmanager
def open_session(folder: Path) -> Iterator[SparkSession]:
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise NotPortableError("spark: there is no java here. Spark needs Java 17 or newer.")
    # This logger writes the engine's whole stack trace; our own error message is enough.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    builder = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.warehouse.dir", str(folder / "spark-warehouse"))
        .config("spark.driver.extraJavaOptions", f"-Dlog4j2.configurationFile={LOGGING.as_uri()}")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", value=False)
    )
    try:
        spark = builder.getOrCreate()
    except PySparkException as error:
        raise NotPortableError(
            f"spark: no session starts; it needs Java 17 or newer. It said: {error}"
        ) from None
    try:
        yield spark
    finally:
        spark.stop()


def create(spark: SparkSession, name: str, columns: dict[str, str]) -> None:
    listed = ", ".join(f"`{column}` {kind}" for column, kind in columns.items())
    spark.sql(f"create table {name} ({listed}) using parquet")


def columns_of(schema: StructType) -> dict[str, str]:
    return {field.name: field.dataType.simpleString() for field in schema.fields}


def check_contract(spark: SparkSession, model: Model, columns: dict[str, str]) -> None:
    """Refuses other columns or other types than the contract's, as dbt does in a build."""
    if model.contract is None:
        return
    casts = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in model.contract.items())
    promised = columns_of(spark.sql(f"select {casts}").schema)
    if columns != promised:
        wrong = [
            f"{name} is {columns.get(name, 'missing')}, promised {promised.get(name, 'nowhere')}"
            for name in sorted({*columns, *promised})
            if columns.get(name) != promised.get(name)
        ]
        raise NotPortableError(
            f"spark: the model {model.name} breaks its contract: {'; '.join(wrong)}."
        )
