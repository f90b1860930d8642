"""The command line: arguments and streams in, exit code out. What the verbs do is in `commands`, imported when a verb is known."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, TypeAlias

from engine import __version__
from engine.errors import EngineError, Exit
from engine.mapping.profiles import PROFILES

EPILOG = """\
The server is named by MONGODB_URI (password in the file that MONGODB_PASSWORD_FILE names). Without it the
embedded MongoDB is used, with its data in .engine/ (or the folder that ENGINE_HOME names).

Exit codes: 0 done, 1 unexpected, 2 usage or mapping, 3 data (limit exceeded, or not as recorded), 4 target unreachable or
refused, 5 locked by another run, 130 interrupted.
"""

# polars' allocator (jemalloc, on Linux): give freed pages back soon, and keep few arenas. A tenth less memory, no measurable time.
ALLOCATOR = "narenas:2,dirty_decay_ms:200,muzzy_decay_ms:0"

OTHER_SOURCE = "read this file instead of the mapping's source.path"
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 -- argparse has no public name for it


def parser() -> argparse.ArgumentParser:
    """The arguments of every verb."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "engine", description="CSV to well-shaped MongoDB documents, from one mapping file.", epilog=EPILOG, formatter_class=raw
    )
    top.add_argument("--version", action="version", version=f"engine {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    mapped = argparse.ArgumentParser(add_help=False)
    mapped.add_argument("--mapping", "-m", required=True, metavar="FILE", help="the mapping file")
    mapped.add_argument("--collection", metavar="NAME", help="of a mapping with several collections, this one only")
    _mapping_verbs(verbs, mapped)
    _evolution_verbs(verbs, mapped)
    _ledger_verbs(verbs, mapped)
    _rejects_verbs(verbs, mapped)
    database = verbs.add_parser("db", help="the embedded MongoDB")
    database.add_argument("action", choices=["up", "down", "status"])
    return top


def _mapping_verbs(verbs: Verbs, mapped: argparse.ArgumentParser) -> None:
    run = verbs.add_parser("run", parents=[mapped], help="load the source into the target")
    run.add_argument("--source", type=_path, metavar="PATH", help=OTHER_SOURCE)
    run.add_argument("--limit", type=_positive, metavar="N", help="stop after N rows")
    _loading_options(run)

    check = verbs.add_parser("check", parents=[mapped], help="find every problem of the mapping and run its tests")
    check.add_argument("--source", type=_path, metavar="PATH", help="compare with this file's header as well")

    preview = verbs.add_parser("preview", parents=[mapped], help="show the first documents and rejects; writes nothing")
    preview.add_argument("--source", type=_path, metavar="PATH", help=OTHER_SOURCE)
    preview.add_argument("--rows", type=_positive, default=3, metavar="N", help="how many rows (default 3)")
    preview.add_argument(
        "--row", type=_positive, metavar="N", help="tell row N's way, cell by cell, with the verdicts of engine and server"
    )

    schema = verbs.add_parser("schema", parents=[mapped], help="write the collection's validator")
    schema.add_argument("--output", metavar="FILE", help="where to (default schemas/NAME.validator.json, - for standard output)")
    schema.add_argument("--profile", choices=PROFILES, metavar="P", help=f"the server it is for: {', '.join(PROFILES)}")

    infer = verbs.add_parser("infer", help="write a commented mapping from a file, each choice with its evidence")
    infer.add_argument("files", nargs="+", metavar="FILE", help="the file whose rows become documents, then files that may be joined to it")
    infer.add_argument("--output", metavar="FILE", help="where to (default standard output)")


def _evolution_verbs(verbs: Verbs, mapped: argparse.ArgumentParser) -> None:
    plan = verbs.add_parser("plan", help="what a changed mapping means for the live collection (exit code 10: changes, 11: destructive)")
    plan.add_argument("--mapping", "-m", metavar="FILE", help="compare this mapping with what was applied last")
    plan.add_argument("--collection", metavar="NAME", help="of a mapping with several collections, this one")
    plan.add_argument("files", nargs="*", metavar="FILE", help="OLD NEW: compare two mappings, without a server")
    plan.add_argument("--data", metavar="FILE", help="load this source with both mappings, and tell which documents differ")
    plan.add_argument("--json", action="store_true", help="print the plan as JSON")
    apply = verbs.add_parser("apply", parents=[mapped], help="change the live collection to what the mapping says")
    apply.add_argument("--allow", action="append", default=[], metavar="CODE", help="do this destructive change too (may be repeated)")
    apply.add_argument("--dry-run", action="store_true", help="print the server's commands as Extended JSON; change nothing")
    apply.add_argument("--quiet", action="store_true", help="print nothing but errors")
    apply.add_argument("--json", action="store_true", help="print what was done as JSON")


def _ledger_verbs(verbs: Verbs, mapped: argparse.ArgumentParser) -> None:
    runs = verbs.add_parser("runs", parents=[mapped], help="list the runs that the ledger of the mapping's database holds")
    runs.add_argument("--rows", type=_positive, default=20, metavar="N", help="how many (default 20)")
    runs.add_argument("--json", action="store_true", help="print them as JSON")
    verbs.add_parser("verify", parents=[mapped], help="compare the live collection with what its last published run left")


def _rejects_verbs(verbs: Verbs, mapped: argparse.ArgumentParser) -> None:
    rejects = verbs.add_parser("rejects", help="rejected rows: list the files, explain one, load its rows again")
    actions = rejects.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="the files, with counts and reasons")
    listed.add_argument("--mapping", "-m", metavar="FILE", help="ask the ledger of this mapping's database which rows were settled since")
    actions.add_parser("show", parents=[mapped], help="why each row was rejected").add_argument("file", type=Path, metavar="FILE")
    retry = actions.add_parser("retry", parents=[mapped], help="load the rows of a corrected file into the live collection")
    retry.add_argument("file", type=Path, metavar="FILE")
    retry.set_defaults(limit=None)
    _loading_options(retry)


def _loading_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--dry-run", action="store_true", help="do everything but write; needs no server")
    verb.add_argument("--allow-mixed", action="store_true", help="add documents beside those of an older shape (modes append and upsert)")
    verb.add_argument("--quiet", action="store_true", help="print nothing but errors")
    verb.add_argument("--json", action="store_true", help="print the report as JSON on standard output")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("a whole number above 0 is expected")
    return int(text)


def _path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("a path is expected, this is empty")
    return text


def run(argv: Sequence[str], out: TextIO, err: TextIO) -> int:
    """Carry out a command line; returns the exit code."""
    try:
        arguments = parser().parse_args(argv)
    except SystemExit as stop:
        return Exit.DONE if stop.code == 0 else Exit.USAGE
    try:
        from engine.cli import verbs as commands  # noqa: PLC0415 -- `--help` must not wait for polars

        return commands.VERBS[arguments.verb](arguments, out, err)
    except EngineError as error:
        for finding in error.findings:
            print(finding, file=err)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: nothing was written; run the same command again", file=err)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 -- nobody reads any more
        return Exit.UNEXPECTED
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        if os.environ.get("ENGINE_DEBUG"):
            raise
        print(f"unexpected {type(error).__name__}: this is a defect of the engine.", file=err)
        print("Run again with ENGINE_DEBUG=1 for the traceback (it may show data) and report it.", file=err)
        return Exit.UNEXPECTED


def main() -> None:
    """The command `engine`."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", ALLOCATOR)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = run(sys.argv[1:], sys.stdout, sys.stderr)
    if code == Exit.INTERRUPTED:  # a thread may still be waiting for a server that does not answer; Python would wait for it
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
