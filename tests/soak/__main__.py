"""The soak in its long form, printing a line for each mode. It ends with exit code 1 where a check fails, and says which one."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from dataclasses import asdict, fields
from pathlib import Path

from faults.servers import running

from soak.modes import MODES
from soak.rounds import Figures, Soak

COLUMNS = [field.name for field in fields(Figures)]


def arguments() -> argparse.Namespace:
    """What SOAK=… may say."""
    parser = argparse.ArgumentParser("soak", description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000, help="rows of each file (default 500,000)")
    parser.add_argument("--moments", type=int, default=20, help="kills of the loader, and as many of the server, in each mode (default 20)")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=[*MODES], metavar="MODE", help=f"of {', '.join(MODES)} (default all)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (default 1)")
    return parser.parse_args()


def main() -> int:
    """Run the modes one after the other, each on a server of its own."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server goes too
    given, failed = arguments(), 0
    print(f"| mode | {' | '.join(name.replace('_', ' ') for name in COLUMNS)} |", f"|---|{'---:|' * len(COLUMNS)}", sep="\n", flush=True)
    for name in given.modes:
        with tempfile.TemporaryDirectory(prefix="soak-") as folder, running(Path(folder) / "server") as server:
            soak = Soak(Path(folder), server, name, given.rows, given.seed)
            try:
                soak.run(given.moments, given.moments)
            except AssertionError as error:
                print(f"{name}, seed {given.seed}: {error}", file=sys.stderr)
                failed += 1
        cells = [f"{value:,.0f}" for value in asdict(soak.figures).values()]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return int(bool(failed))


sys.exit(main())
