"""Makes .venv hold exactly what requirements.lock pins, or says in one sentence why it cannot.

`setup.py portable` does the same for .venv-portable and requirements-portable.lock.

A Python that is too old or too new finds another one to run this, or has uv fetch one. So an old
Python must be able to parse and import this file: no syntax newer than 3.6, the standard library
only, and only constants are evaluated at import.
"""

import ast
import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The versions that all libraries support, the preferred one first.
PYTHONS = ("3.13", "3.12", "3.11")
ROOT = Path(__file__).resolve().parent.parent
SUFFIX = "-portable" if sys.argv[1:] == ["portable"] else ""
LOCK = ROOT / ("requirements" + SUFFIX + ".lock")
VENV = ROOT / (".venv" + SUFFIX)
VENV_PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".set-up"
LAST_LINES = 12

# pip's names of settings → uv's names.
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


class SetupError(Exception):
    """Raised for a problem that the user can fix; its text says how."""


def main() -> int:
    try:
        if not is_supported():
            start_again(find_python())
        if is_current():
            return 0
        check_folder()
        with open(
            __file__, "rb"
        ) as mutex:  # of two set-ups at once, the second waits and then has nothing to do
            fcntl.flock(mutex, fcntl.LOCK_EX)
            if not is_current():
                set_up()
    except SetupError as error:
        print(f"Set-up failed: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Set-up failed: {error.filename or ROOT}: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up interrupted; the next `make setup` begins anew.", file=sys.stderr)
        return 130
    return 0


def is_supported() -> bool:
    return ".".join(map(str, sys.version_info[:2])) in PYTHONS


def find_python() -> str:
    """Returns a supported Python: .venv's own, one on the search path, or one that uv fetches."""
    if probe(str(VENV_PYTHON)):
        return str(VENV_PYTHON)
    problem = (
        f"this needs Python {PYTHONS[-1]} to {PYTHONS[0]}, and {sys.executable} is "
        + ".".join(map(str, sys.version_info[:3]))
    )
    for version in PYTHONS:
        found = shutil.which("python" + version)
        if found and probe(found):
            say(f"Using {found}, because {problem}.")
            return found
    say(f"Fetching Python {PYTHONS[0]} with uv, because {problem} …")
    with tempfile.TemporaryDirectory() as folder:
        done = fetch_python(Path(folder))
    path = done.stdout.strip().split("\n")[-1]
    if done.returncode or not probe(path):
        raise SetupError(
            f"{problem}. Another one could not be fetched: install Python {PYTHONS[0]}, or name "
            f"one: make PYTHON=python{PYTHONS[0]} setup. The last lines:\n" + last_lines(done)
        )
    return path


def probe(python: str) -> bool:
    """Whether the Python runs, is supported and can create an environment."""
    asked = (
        f"import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] not in {PYTHONS!r})"
    )
    try:
        return run([python, "-I", "-c", asked], {}).returncode == 0
    except OSError:
        return False


def fetch_python(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Has uv fetch a Python to where uv keeps them; returns what ended last, with its path."""
    done = run([sys.executable, "-m", "venv", str(folder)], {})
    if done.returncode == 0:
        python = folder / "bin" / "python"
        done = fetch_uv(LOCK.read_text("utf-8"), python)
        uv = [str(folder / "bin" / "uv"), "python"]
        for arguments in (["install", "--no-bin"], ["find", "--managed-python", "--system"]):
            if done.returncode == 0:
                done = run([*uv, *arguments, PYTHONS[0]], uv_settings(python))
    return done


def start_again(python: str) -> None:
    """Becomes the same command under the other Python."""
    os.execv(python, [python, "-X", "utf8", "-IS", __file__, *sys.argv[1:]])  # noqa: S606  it was probed


def check_folder() -> None:
    if not os.access(str(ROOT), os.W_OK | os.X_OK):
        raise SetupError(
            f"the folder {ROOT} may not be written to, and {VENV.name} has to be created in it. "
            "Change its permissions, or clone into a folder of your own."
        )
    if VENV.is_symlink() or VENV.is_file():
        raise SetupError(f"{VENV} is in the way: move it elsewhere, a folder will be made there.")
    if VENV.exists() and not os.access(str(VENV), os.W_OK | os.X_OK):
        raise SetupError(f"{VENV} may not be written to: it seems to belong to another user.")
    if not LOCK.exists():
        raise SetupError(f"{LOCK.name} is missing: restore it with `git checkout {LOCK.name}`.")


def is_current() -> bool:
    try:
        return VENV_PYTHON.exists() and STAMP.read_text("utf-8") == stamp()
    except OSError:
        return False


def stamp() -> str:
    """Returns what the environment was made from, and where, because moving it breaks its paths."""
    digest = hashlib.sha256()
    for path in (LOCK, ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes() + b"\0")
    return f"{base()}\n{digest.hexdigest()}\n"


def base() -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    return f"{platform.python_implementation()} {version} {platform.machine()} in {VENV}"


def set_up() -> None:
    began = time.monotonic()
    reusable = (
        STAMP.exists()
        and VENV_PYTHON.exists()
        and STAMP.read_text("utf-8").startswith(base() + "\n")
    )
    if STAMP.exists():
        STAMP.unlink()  # so that the next set-up notices an interruption and starts again
    if not reusable:
        create_venv()
    install()
    site_packages = next((VENV / "lib").glob("python*/site-packages"))
    (site_packages / "customer_360.pth").write_text(f"{ROOT}\n", "utf-8")
    STAMP.write_text(stamp(), "utf-8")
    say(f"Set up in {time.monotonic() - began:.0f} s.")


def create_venv() -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        version = ".".join(map(str, sys.version_info[:2]))
        raise SetupError(
            f"{sys.executable} has no `{missing[0]}` module, which creates {VENV.name}. "
            f"On Debian and Ubuntu: apt install python{version}-venv. "
            "Or name another Python: make PYTHON=python3.12 setup"
        )
    say(f"Creating {VENV.name} with Python {platform.python_version()} …")
    if VENV.exists():
        shutil.rmtree(str(VENV))
    # If .venv's own Python runs this, it has just been deleted, so use the Python that made it.
    python = getattr(sys, "_base_executable", sys.executable)
    done = run([python, "-m", "venv", str(VENV)], {})
    if done.returncode:
        raise SetupError("`python -m venv` did not succeed. It said:\n" + last_lines(done))


def install() -> None:
    """Installs with uv, which is faster and which pip fetches first; if that fails, with pip."""
    lock = LOCK.read_text("utf-8")
    packages = len(re.findall(r"^[A-Za-z0-9]", lock, re.MULTILINE))
    say(f"Installing what {LOCK.name} pins ({packages} entries) …")
    if fetch_uv(lock, VENV_PYTHON).returncode == 0:
        uv = [str(VENV / "bin" / "uv"), "pip", "sync", "--require-hashes", "--compile-bytecode"]
        done = run([*uv, "--python", str(VENV_PYTHON), str(LOCK)], uv_settings(VENV_PYTHON))
        if done.returncode == 0:
            return
        say("uv did not succeed; trying pip …")
    done = run([*pip(VENV_PYTHON, "install"), "--require-hashes", "--no-deps", "-r", str(LOCK)], {})
    if done.returncode:
        raise SetupError(
            "the packages could not be installed. Is there a network, and does pip reach its "
            "package index? Behind a proxy or a mirror, pip's and uv's own settings are "
            "respected. The installer's last lines:\n" + last_lines(done)
        )


def fetch_uv(lock: str, python: Path) -> "subprocess.CompletedProcess[str]":
    """Installs the pinned uv beside that Python."""
    pinned = re.search(r"^uv==.*(?:\n[ \t]+--hash.*)+", lock, re.MULTILINE)
    if pinned is None:
        return subprocess.CompletedProcess([], 1, stdout=LOCK.name + " does not pin uv.")
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "uv.txt")
        requirement.write_text(pinned.group().rstrip("\\ ") + "\n", "utf-8")
        options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--retries=1"]
        return run([*pip(python, "install"), *options, "-r", str(requirement)], {})


def uv_settings(python: Path) -> "dict[str, str]":
    """Returns pip's settings under uv's names, so that users need not configure uv as well.

    uv's own settings win.
    """
    settings = {"UV_SYSTEM_CERTS": "1"}
    listed = run(pip(python, "config", "list"), {}).stdout
    found = re.findall(r"^(global|install|:env:)\.([a-z-]+)=(.+)$", listed, re.MULTILINE)
    for _, name, value in sorted(
        found, key=lambda row: ["global", "install", ":env:"].index(row[0])
    ):
        if name in UV_NAMES:
            settings[UV_NAMES[name]] = " ".join(ast.literal_eval(value).split())
    if any(name in os.environ for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL")):
        settings = {key: value for key, value in settings.items() if "IN" not in key}
    elif "UV_INDEX" in settings:
        # As pip does, look into all indexes. That is safe, because every file's hash is pinned.
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {key: value for key, value in settings.items() if key not in os.environ}


def pip(python: Path, *arguments: str) -> "list[str]":
    return [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]


def run(command: "list[str]", settings: "dict[str, str]") -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if key not in STRAY}
    return subprocess.run(
        command,
        check=False,
        env={**environment, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


# Variables of another environment, into which the installers would otherwise install.
STRAY = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "PIP_TARGET", "PIP_USER"}


def last_lines(done: "subprocess.CompletedProcess[str]") -> str:
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return "\n".join("    " + line for line in lines[-LAST_LINES:])


def say(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main())
