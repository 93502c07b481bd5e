"""`python -m c360_dashboard`: the dashboard on 127.0.0.1:8501, for this machine alone."""

import argparse
import os
import socket
import sys
from pathlib import Path

from streamlit.web.cli import main as streamlit

from c360_dagster.settings import REPOSITORY, SettingsError, read_settings
from c360_dashboard import warming
from c360_dashboard.charts import BLUE, SKY
from c360_dashboard.contents import VIEWS  # noqa: F401  so that the first visitor need not wait

ADDRESS, PORT = "127.0.0.1", 8501
APP = Path(__file__).parent / "app.py"


def options(port: int) -> dict[str, str]:
    """Streamlit's own settings: nothing leaves the machine, and no page shows a traceback."""
    return {
        "server.address": ADDRESS,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "browser.serverAddress": ADDRESS,
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        # Named for each, so that light and dark follow the reader's system.
        "theme.light.primaryColor": BLUE,
        "theme.dark.primaryColor": SKY,
    }


def check_address(port: int) -> None:
    """A SettingsError where it is taken; Streamlit's own words would end in a page of others'."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
        try:
            probe.bind((ADDRESS, port))
        except OSError as problem:
            raise SettingsError(
                f"http://{ADDRESS}:{port} cannot be opened ({problem.strerror}): another "
                "`make dashboard` is at work, or another program has that port. Stop it, and "
                "start this one again."
            ) from None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m c360_dashboard", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT)
    port = parser.parse_args().port
    try:
        settings = read_settings()
        check_address(port)
    except SettingsError as problem:
        sys.exit(str(problem))
    sys.stderr.writelines(f"{doubt}\n" for doubt in settings.doubts)
    flags = [f"--{name}={value}" for name, value in options(port).items()]
    sys.stdout.write(f"The dashboard opens on http://{ADDRESS}:{port} - stop it with Ctrl-C.\n")
    sys.stdout.flush()
    os.chdir(REPOSITORY)
    warming.start(settings)
    streamlit(["run", str(APP), *flags])


if __name__ == "__main__":
    main()
