"""Makes .venv hold exactly what requirements.lock pins, or says in one sentence why it cannot.

`setup.py portable` does the same for .venv-portable and requirements-portable.lock.

It uses the standard library only. An old Python must be able to parse and import this file, so that
it can say that it is too old: no syntax newer than 3.6, and only constants are evaluated at import.
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

NEEDED = (3, 11)
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
        check_python()
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


def check_python() -> None:
    if sys.version_info[:2] < NEEDED:
        found, needed = ".".join(map(str, sys.version_info[:3])), ".".join(map(str, NEEDED))
        raise SetupError(
            f"this needs Python {needed} or newer, and {sys.executable} is {found}. "
            f"Name another one: make PYTHON=python{needed} setup"
        )


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
    if fetch_uv(lock):
        uv = [str(VENV / "bin" / "uv"), "pip", "sync", "--require-hashes", "--compile-bytecode"]
        done = run([*uv, "--python", str(VENV_PYTHON), str(LOCK)], uv_settings())
        if done.returncode == 0:
            return
        say("uv did not succeed; trying pip …")
    done = run([*pip("install"), "--require-hashes", "--no-deps", "-r", str(LOCK)], {})
    if done.returncode:
        raise SetupError(
            "the packages could not be installed. Is there a network, and does pip reach its "
            "package index? Behind a proxy or a mirror, pip's and uv's own settings are "
            "respected. The installer's last lines:\n" + last_lines(done)
        )


def fetch_uv(lock: str) -> bool:
    pinned = re.search(r"^uv==.*(?:\n[ \t]+--hash.*)+", lock, re.MULTILINE)
    if pinned is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "uv.txt")
        requirement.write_text(pinned.group().rstrip("\\ ") + "\n", "utf-8")
        options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--retries=1"]
        return run([*pip("install"), *options, "-r", str(requirement)], {}).returncode == 0


def uv_settings() -> "dict[str, str]":
    """Returns pip's settings under uv's names, so that users need not configure uv as well.

    uv's own settings win.
    """
    settings = {"UV_SYSTEM_CERTS": "1"}
    listed = run(pip("config", "list"), {}).stdout
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


def pip(*arguments: str) -> "list[str]":
    return [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]


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
