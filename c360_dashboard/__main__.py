"""`python -m c360_dashboard`: the dashboard on 127.0.0.1:8501, for this machine alone."""

import argparse
import os
import sys
from pathlib import Path

from streamlit.web.cli import main as streamlit

from c360_dagster.ports import refuse_taken
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
        # Set for each theme, so that light and dark follow the reader's system.
        "theme.light.primaryColor": BLUE,
        "theme.dark.primaryColor": SKY,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m c360_dashboard", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT)
    port = parser.parse_args().port
    try:
        settings = read_settings()
        # Asked before Streamlit does: its own message would be followed by a page of what DuckDB
        # prints when the process ends while the warming thread runs.
        refuse_taken(ADDRESS, port, "make dashboard")
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
