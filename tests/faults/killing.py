"""kill -9 of `engine` at one command to the server, and the time that passes then."""

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from pymongo.database import Database

from faults.proxy import Harm, Proxy

ROOT = Path(__file__).parents[2]


def kill_at(harm: Harm, proxy: Proxy, uri: str, *words: str | Path) -> None:
    """Start the command, which reaches the server through the proxy, and kill it where the harm happens."""
    through = uri.replace(f":{proxy.upstream}/", f":{proxy.port}/")
    line = [sys.executable, "-m", "engine", *map(str, words)]
    process = subprocess.Popen(line, cwd=ROOT, env=os.environ | {"MONGODB_URI": through}, stdout=subprocess.DEVNULL)
    try:
        assert harm.happened.wait(60)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait(30)
        proxy.heal()


def expire_locks(database: Database[Any]) -> None:
    """The time passes after which a silent holder loses its lock."""
    database["_engine_locks"].update_many({}, {"$set": {"expires": datetime(2000, 1, 1)}})  # noqa: DTZ001 - the server's is UTC
