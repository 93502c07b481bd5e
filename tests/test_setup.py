"""Set-up: what it does, what it leaves alone, and what it says when it fails.

Nothing here needs a network: the tests make the one package that is installed.
"""

import base64
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "PIP_CONFIG_FILE": os.devnull}
PYTHONS = ("3.11", "3.12", "3.13")

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def load_setup(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("c360_setup", folder / "scripts" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with everything that set-up reads, and a lock with one invented package."""
    folder = tmp_path / "a clone with spaces"
    (folder / "scripts").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "scripts/setup.py"):
        shutil.copy(ROOT / name, folder / name)
    wheel = make_wheel(tmp_path / "wheels", "pinned_thing", "1.0")
    lock_only(folder, wheel)
    return folder


def make_wheel(
    folder: Path, name: str, version: str, more: Mapping[str, str] = MappingProxyType({})
) -> Path:
    folder.mkdir()
    info = f"{name}-{version}.dist-info"
    files = {
        **more,
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        rows = []
        for inner, text in files.items():
            entry = zipfile.ZipInfo(inner)
            entry.external_attr = 0o100755 << 16  # scripts can be called
            archive.writestr(entry, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            rows.append(f"{inner},sha256={digest.decode().rstrip('=')},{len(text)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))
    return path


def lock_only(folder: Path, wheel: Path) -> None:
    name, version = wheel.name.split("-")[:2]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pinned = f"{name.replace('_', '-')}=={version} \\\n    --hash=sha256:{digest}\n"
    (folder / "requirements.lock").write_text(pinned)


def set_up(folder: Path, before: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the set-up of that folder; `before` is Python code that runs before it."""
    begin = "import sys; sys.path.insert(0, 'scripts'); import setup"
    program = f"{begin}\n{before}\nsys.exit(setup.main())"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, **OFFLINE, "PIP_FIND_LINKS": "", **settings},
        check=False,
        capture_output=True,
        text=True,
    )


def test_installs_what_is_locked_and_the_project_then_does_nothing(clone: Path) -> None:
    first = set_up(clone, PIP_FIND_LINKS=(clone.parent / "wheels").as_uri())
    assert first.returncode == 0, first.stdout + first.stderr
    asked = "import pinned_thing, sys; print(pinned_thing.VERSION, sys.path[-1])"
    python = clone / ".venv" / "bin" / "python"
    answer = subprocess.run([python, "-I", "-c", asked], check=True, capture_output=True, text=True)
    assert answer.stdout.split(maxsplit=1) == ["1.0", f"{clone}\n"]
    assert list((clone / ".venv").glob("lib/python*/site-packages/__pycache__/pinned_thing.*.pyc"))

    again = set_up(clone)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_tampered_package_is_refused_and_a_good_one_then_installed_anew(clone: Path) -> None:
    (wheel,) = (clone.parent / "wheels").iterdir()
    good = wheel.read_bytes()
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("pinned_thing_extra.py", "")
    refused = set_up(clone, PIP_FIND_LINKS=wheel.parent.as_uri())
    assert refused.returncode == 1
    assert "the packages could not be installed" in refused.stderr
    assert "hash" in refused.stderr.lower(), "the installer's last words"
    assert "pinned-thing" in refused.stderr
    assert "Traceback" not in refused.stderr

    left_over = clone / ".venv" / "half-made"
    left_over.touch()
    wheel.write_bytes(good)
    mended = set_up(clone, PIP_FIND_LINKS=wheel.parent.as_uri())
    assert mended.returncode == 0, mended.stderr
    assert not left_over.exists()


UNFIT = "sys.version_info = (3, 14, 0)"


def make_python(path: Path) -> Path:
    """Writes a program that passes for a Python and only prints how it was called."""
    path.parent.mkdir(exist_ok=True)
    path.write_text('#!/bin/sh\necho "$0 $*"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("version", [(3, 14, 0), (3, 10, 4), (3, 6, 0)])
def test_a_python_that_does_not_fit_is_named_with_the_way_out(
    clone: Path, version: tuple[int, ...]
) -> None:
    offline = (
        "setup.fetch_python = lambda _: setup.subprocess.CompletedProcess([], 1, 'No network')"
    )
    told = set_up(clone, f"sys.version_info = {version}; {offline}", PATH="")
    assert told.returncode == 1
    assert f"this needs Python 3.11 to 3.13, and {sys.executable} is " in told.stderr
    assert f"is {'.'.join(map(str, version))}. Another one could not be fetched" in told.stderr
    assert "make PYTHON=python3.13 setup" in told.stderr
    assert told.stderr.endswith("No network\n")
    assert not (clone / ".venv").exists()


def test_a_python_that_fits_is_found_on_the_search_path(clone: Path) -> None:
    """The newest one that works, and .venv's own before all others, without a word."""
    broken = make_python(clone / "bin" / "python3.13")
    broken.write_text("#!/bin/sh\nexit 127\n")
    fitting = make_python(clone / "bin" / "python3.12")
    make_python(clone / "bin" / "python3.11")
    using, called = set_up(clone, UNFIT, PATH=str(clone / "bin")).stdout.splitlines()
    assert using.startswith(f"Using {fitting}, because this needs Python 3.11 to 3.13, and ")
    assert called == f"{fitting} -X utf8 -IS {clone / 'scripts' / 'setup.py'}"

    (clone / ".venv").mkdir()
    own = make_python(clone / ".venv" / "bin" / "python")
    (called,) = set_up(clone, UNFIT, PATH=str(clone / "bin")).stdout.splitlines()
    assert called.startswith(f"{own} -X utf8")


def test_a_python_that_fits_is_fetched_if_there_is_none(clone: Path, tmp_path: Path) -> None:
    fetched = make_python(tmp_path / "fetched")
    uv = f"""#!/bin/sh
case "$*" in
"python install --no-bin 3.13") echo > {tmp_path}/installed ;;
"python find --managed-python --system 3.13") [ -e {tmp_path}/installed ] && echo {fetched} ;;
esac
"""
    wheel = make_wheel(tmp_path / "uv", "uv", "0.1", {"uv-0.1.data/scripts/uv": uv})
    lock_only(clone, wheel)
    done = set_up(clone, UNFIT, PATH="", PIP_FIND_LINKS=wheel.parent.as_uri())
    assert not done.stderr
    fetching, called = done.stdout.splitlines()
    assert fetching.startswith("Fetching Python 3.13 with uv, because this needs Python 3.11 to 3")
    assert called.startswith(f"{fetched} -X utf8 -IS ")


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_what_to_install(clone: Path, module: str) -> None:
    told = set_up(clone, f"sys.modules[{module!r}] = None")
    assert told.returncode == 1
    assert f"no `{module}` module" in told.stderr
    assert "apt install" in told.stderr


@pytest.fixture
def open_clone(clone: Path) -> Iterator[Path]:
    """The same clone in a folder that every user can reach, unlike pytest's own folders."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield shutil.copytree(clone, Path(folder, "clone"))
        Path(folder, "clone").chmod(0o755)


def test_a_read_only_folder_is_named(open_clone: Path) -> None:
    open_clone.chmod(0o555)
    # Root may write anywhere, so the process becomes the user `nobody` first.
    told = set_up(open_clone, "import os; os.geteuid() or os.setuid(65534)")
    assert told.returncode == 1
    assert f"the folder {open_clone} may not be written to" in told.stderr
    assert not (open_clone / ".venv").exists()


def test_a_file_in_the_way_is_named_and_kept(clone: Path) -> None:
    (clone / ".venv").write_text("mine")
    told = set_up(clone)
    assert told.returncode == 1
    assert "is in the way" in told.stderr
    assert (clone / ".venv").read_text() == "mine"


def test_a_missing_lock_is_named(clone: Path) -> None:
    (clone / "requirements.lock").unlink()
    told = set_up(clone)
    assert told.returncode == 1
    assert "requirements.lock is missing" in told.stderr


@pytest.fixture
def current(clone: Path) -> Path:
    """A clone that counts as set up although nothing was installed, which saves time."""
    setup = load_setup(clone)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    (clone / ".venv" / ".set-up").write_text(setup.stamp())
    assert setup.is_current()
    return clone


@needs_make
def test_make_setup_is_silent_and_quick_when_current(current: Path) -> None:
    def once(*command: str) -> float:
        began = time.perf_counter()
        done = subprocess.run(command, cwd=current, check=True, capture_output=True)
        assert (done.stdout, done.stderr) == (b"", b"")
        return time.perf_counter() - began

    # Compared with starting Python itself, because a busy machine slows both.
    bare = min(once(sys.executable, "-c", "import hashlib, json, subprocess") for _ in range(5))
    assert min(once("make", "--no-print-directory", "setup") for _ in range(5)) < 3 * bare + 0.05


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", "scripts/setup.py"])
def test_a_change_of_the_requirements_is_seen(current: Path, name: str) -> None:
    with (current / name).open("a") as file:
        file.write("\n# changed\n")
    assert not load_setup(current).is_current()


def test_a_moved_checkout_is_seen(current: Path) -> None:
    assert not load_setup(current.rename(current.parent / "elsewhere")).is_current()


def test_another_python_is_seen(current: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert not load_setup(current).is_current()


@needs_make
def test_make_names_a_python_that_does_not_exist(clone: Path) -> None:
    told = subprocess.run(
        ["make", "PYTHON=python3.999", "setup"],
        cwd=clone,
        check=False,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 2
    assert "there is no python3.999 here" in told.stderr


@needs_make
def test_make_names_a_python_that_does_not_know_the_options(clone: Path) -> None:
    old = clone / "python2"
    old.write_text("#!/bin/sh\necho 'Unknown option: -I' >&2\nexit 2\n")
    old.chmod(0o755)
    told = subprocess.run(
        ["make", f"PYTHON={old}", "setup"], cwd=clone, check=False, capture_output=True, text=True
    )
    assert told.returncode == 2
    assert f"Set-up failed: {old} is no Python 3. Name one" in told.stderr


@needs_make
def test_make_speaks_utf_8_in_every_locale(clone: Path) -> None:
    """In Latin-1, `…` could not be printed, and DuckDB and Python would open different folders."""
    asked = "import sys; print(sys.flags.utf8_mode)"
    (clone / "scripts" / "setup.py").write_text(asked)
    (clone / "c360_dagster.py").write_text(asked)
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to(sys.executable)
    told = subprocess.run(
        # The tests may run under make, and a make within a make prints its directory.
        ["make", "--no-print-directory", "run"],
        cwd=clone,
        env={**os.environ, "PYTHONUTF8": "0"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout == "1\n1\n"


@needs_make
def test_make_alone_lists_every_verb() -> None:
    told = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(re.findall(r"^  make (\w+) +\S", told, re.MULTILINE)) == set(phony[1].split())


def test_pips_settings_reach_uv(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = load_setup(clone)
    listed = (
        "global.cert='/etc/some.pem'\n"
        "global.extra-index-url='\\none\\ntwo'\n"
        "install.find-links='from-file'\n"
        ":env:.find-links='from-environment'\n"
    )
    done = subprocess.CompletedProcess([], 0, stdout=listed)
    monkeypatch.setattr(setup, "run", lambda *_: done)
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    given = setup.uv_settings(setup.VENV_PYTHON)
    assert given["SSL_CERT_FILE"] == "/etc/some.pem"
    assert given["UV_INDEX"] == "one two"
    assert given["UV_FIND_LINKS"] == "from-environment"

    monkeypatch.setenv("UV_DEFAULT_INDEX", "uv's own")
    given = setup.uv_settings(setup.VENV_PYTHON)
    assert given["SSL_CERT_FILE"] == "/etc/some.pem"
    assert not {"UV_INDEX", "UV_DEFAULT_INDEX", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"} & set(given)


# The lock ------------------------------------------------------------------------------------


LOCKS = ("requirements.lock", "requirements-portable.lock")


def read_lock(name: str) -> list[tuple[Requirement, list[str]]]:
    """Returns every pinned requirement with its hashes."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE)
    entries = text.replace("\\\n", " ").splitlines()
    return [
        (Requirement(entry.split(" --hash")[0].strip()), re.findall(r"--hash=(\S+)", entry))
        for entry in entries
        if entry.strip()
    ]


def declared() -> list[tuple[str, Requirement]]:
    """Returns every declared requirement with the name of the lock that must pin it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    product = (
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["ui"],
        *project["dependency-groups"]["dev"],
    )
    portable = project["dependency-groups"]["portable"]
    return [
        (lock, Requirement(text))
        for lock, texts in zip(LOCKS, (product, portable), strict=True)
        for text in texts
    ]


def applies(marker: Marker | None, python: str) -> bool:
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    return marker is None or marker.evaluate(here)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_version_is_exact_and_hashed(lock: str) -> None:
    for requirement, hashes in read_lock(lock):
        assert [spec.operator for spec in requirement.specifier] == ["=="], requirement
        assert requirement.url is None, requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_place_to_download_from(lock: str) -> None:
    text = (ROOT / lock).read_text()
    places = r"\w+://\S*|^-\S.*|--(?:extra-)?index\S*|--find-links"
    assert not re.findall(places, text, re.MULTILINE)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("lock", "wanted"), declared(), ids=str)
def test_the_lock_satisfies_what_is_declared(lock: str, wanted: Requirement, python: str) -> None:
    versions = [
        next(iter(pinned.specifier)).version
        for pinned, _ in read_lock(lock)
        if canonical(pinned.name) == canonical(wanted.name) and applies(pinned.marker, python)
    ]
    assert len(versions) == 1
    assert wanted.specifier.contains(versions[0])


def test_set_up_takes_the_pythons_that_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = SpecifierSet(project["requires-python"])
    known = tuple(f"3.{minor}" for minor in range(30) if declared.contains(f"3.{minor}"))
    assert sorted(known) == sorted(load_setup(ROOT).PYTHONS) == sorted(PYTHONS)
