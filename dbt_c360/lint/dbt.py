"""Stands in for dbt's cross-database macros, so that sqlfluff can lint models without dbt."""


def type_string() -> str:
    return "varchar"


def date_trunc(part: str, date: str) -> str:
    return f"date_trunc('{part}', {date})"


def datediff(first: str, second: str, part: str) -> str:
    return f"datediff('{part}', {first}, {second})"


def dateadd(part: str, number: object, date: str) -> str:
    return f"dateadd('{part}', {number}, {date})"


def split_part(text: str, delimiter: str, number: int) -> str:
    return f"split_part({text}, {delimiter}, {number})"


def generate_series(upper_bound: int) -> str:
    return f"select {upper_bound} as generated_number"
