"""The rules of the repository: who imports what and reads the environment, what no file may say.

Each rule is checked on every file that git tracks or would track, so new folders are covered.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# For each folder of the pure ring: what it may import beside the standard library.
PURE = {
    "mock_data": {"mock_data", "landing_contract", "numpy", "polars"},
    "c360_dagster/audiences": {"c360_dagster.audiences", "polars", "sqlglot", "yaml"},
    "c360_dagster/identity": {
        "c360_dagster.identity",
        "duckdb",
        "numpy",
        "polars",
        "scipy",
        "splink",
        "yaml",
    },
    "c360_dagster/daily_report": {
        "c360_dagster.daily_report",
        "c360_dagster.loading.load_log",
        "c360_dagster.sql",
        "c360_dagster.words",
        "duckdb",
    },
    "c360_dagster/science": {"c360_dagster.science", "numpy", "polars", "scipy"},
}
ENVIRONMENT_READERS = {Path("c360_dagster/settings.py")}

# How paths on somebody's machine begin, and the hosts that packages come from. The patterns are
# split so that this file does not contain what it looks for.
MACHINE_PATHS = re.compile(
    r"(?<![\w.$}/-])/(?:home|Users|root|work|workspace|mnt|private/var)" + r"/[\w.-]+"
)
REGISTRY_HOSTS = re.compile(
    "|".join(("pypi" + r"\.org", "python" + "hosted", "artifact" + "ory", "nexus" + r"\.")),
    re.IGNORECASE,
)


def repository_files() -> list[Path]:
    """Returns the files that git tracks or would track.

    Without git, it returns all files outside hidden folders and `data/`.
    """
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        found = [Path(name) for name in listed.stdout.split("\0") if name]
    else:
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        found = [path for path in found if path.parts[0][0] != "." and path.parts[0] != "data"]
    return sorted(path for path in found if (ROOT / path).is_file())


FILES = repository_files()
MODULES = [path for path in FILES if path.suffix == ".py"]
OURS = [
    path for path in MODULES if path.parts[0] in {"c360_dagster", "c360_dashboard", "mock_data"}
]


def read_text(path: Path) -> str | None:
    try:
        return (ROOT / path).read_text("utf-8")
    except UnicodeDecodeError:
        return None


def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"), str(path))


def imported(tree: ast.Module) -> Iterator[str]:
    """Yields the dotted name of each import, at the top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_allowed(name: str, allowed: set[str]) -> bool:
    if name.split(".", maxsplit=1)[0] in sys.stdlib_module_names:
        return True
    return any(name == module or name.startswith(f"{module}.") for module in allowed)


def reads_environment(tree: ast.Module) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    if not {f"os.{name}" for name in names}.isdisjoint(imported(tree)):
        return True
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.Name) and node.id == "EnvVar")
        for node in ast.walk(tree)
    )


def charter_lines(source: str) -> int:
    """Counts the lines of the module's docstring before its first blank line; 0 without one."""
    docstring = ast.get_docstring(ast.parse(source))
    return len(docstring.split("\n\n")[0].splitlines()) if docstring else 0


def test_the_checks_of_the_repository_find_files() -> None:
    assert Path("Makefile") in FILES
    assert Path("landing_contract.py") in MODULES
    assert OURS


@pytest.mark.parametrize("ring", PURE)
def test_pure_code_imports_only_its_own_ring(ring: str) -> None:
    strangers = {
        (str(path), name)
        for path in MODULES
        if path.is_relative_to(ring)
        for name in imported(parse(path))
        if not is_allowed(name, PURE[ring])
    }
    assert not strangers


def test_only_the_settings_read_the_environment() -> None:
    readers = {path for path in OURS if reads_environment(parse(path))}
    assert readers <= ENVIRONMENT_READERS


def test_every_module_opens_with_its_charter() -> None:
    sources = {str(path): (ROOT / path).read_text("utf-8") for path in MODULES}
    lines = {path: charter_lines(text) for path, text in sources.items() if text.strip()}
    assert not {path: count for path, count in lines.items() if not 1 <= count <= 3}


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    found = {
        f"{path}:{number}": line.strip()[:120]
        for path in FILES
        if (text := read_text(path)) is not None
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATHS.search(line)
    }
    assert not found


def test_no_file_names_a_package_registry() -> None:
    found = {str(path) for path in FILES if REGISTRY_HOSTS.search(read_text(path) or "")}
    assert not found


def test_the_package_is_declared_completely() -> None:
    """Every package that is imported is declared, not just installed because another needs it."""
    distributions = {
        "PIL": "pillow",
        "dagster_dbt": "dagster-dbt",
        "dbt": "dbt-core",
        "yaml": "pyyaml",
    }
    declared = re.sub(r"[-_.]+", "-", (ROOT / "pyproject.toml").read_text().lower())
    own = {path.parts[0].removesuffix(".py") for path in MODULES}
    used = {name.split(".")[0] for path in OURS for name in imported(parse(path))}
    foreign = used - own - sys.stdlib_module_names
    missing = {
        name
        for name in foreign
        if f'"{distributions.get(name, name).replace("_", "-")}>=' not in declared
    }
    assert not missing


# The tests themselves can fail ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import dagster", "dagster"),
        ("def f():\n    import duckdb", "duckdb"),
        ("from dbt.cli.main import dbtRunner", "dbt.cli.main.dbtRunner"),
        ("from c360_dagster import settings", "c360_dagster.settings"),
    ],
)
def test_a_forbidden_import_is_detected(source: str, name: str) -> None:
    (found,) = imported(ast.parse(source))
    assert found == name
    assert not is_allowed(found, PURE["c360_dagster/science"])


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['A']",
        "import os\nos.getenv('A')",
        "from os import environ",
        "EnvVar('A')",
    ],
)
def test_a_reader_of_the_environment_is_seen(source: str) -> None:
    assert reads_environment(ast.parse(source))


def test_a_missing_or_long_charter_is_seen() -> None:
    assert charter_lines("x = 1") == 0
    assert charter_lines('"""a\nb\nc\nd\n\ne\n"""') == 4


@pytest.mark.parametrize("path", ["/home" + "/ann/data", "'/Users" + "/ann'", "(/work" + "/main)"])
def test_a_machines_path_is_seen(path: str) -> None:
    assert MACHINE_PATHS.search(f"see {path}")
