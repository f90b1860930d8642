"""The command line: arguments and streams in, exit code out. What the verbs do is in `verbs`, imported when a verb is known."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from typing import NoReturn, TextIO

from engine import __version__
from engine.cli.deeds import Deeds
from engine.cli.streams import take_over_streams, unwritten
from engine.cli.table import NOTHING, VERBS
from engine.errors import EngineError, Exit, UsageError, finding, suggest
from engine.run.memory import exhausted, refuse_few_addresses
from engine.run.process import stop_on_signals

EPILOG = """\
MONGODB_URI names the server, MONGODB_PASSWORD_FILE the file with its password. Without MONGODB_URI engine
uses the embedded MongoDB, with its data in .engine/ (or in the folder that ENGINE_HOME names). ENGINE_LEDGER_DB
names a database for the ledger, if it is not to be in that of the data.

Exit codes: 0 done, 1 unexpected error or output that could not be written, 2 wrong command line or mapping, 3 data (limit
exceeded, or not as recorded), 4 target unreachable or it refused, 5 locked by another run, 10, 11 and 12 (engine plan only)
changes, destructive changes and (with --fail-on breaking) breaking ones, 130 interrupted.
"""
MAPPINGS = (".yaml", ".yml")

# polars' allocator (jemalloc, on Linux): give freed pages back soon, and keep few arenas. A tenth less memory, no measurable time.
ALLOCATOR = "narenas:2,dirty_decay_ms:200,muzzy_decay_ms:0"


class _Parser(ArgumentParser):
    """Wrong arguments are an error like any other."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(finding("usage", f"{self.prog}: {message}", hint=f"{self.prog} --help"))


def parser() -> ArgumentParser:
    """The arguments of every verb; the verbs are listed by what their users want to do."""
    raw = argparse.RawDescriptionHelpFormatter
    text = f"CSV to well-shaped MongoDB documents, from one mapping file.\n\n{_listed()}"
    top = _Parser("engine", "engine [-h] [--version] VERB ...", text, EPILOG, formatter_class=raw)
    top.add_argument("--version", action="version", version=f"engine {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB", help=argparse.SUPPRESS, prog="engine")
    for name, verb in VERBS.items():
        verb.arguments(verbs.add_parser(name, description=verb.help))
    return top


def _listed() -> str:
    """A paragraph a group, a line a verb."""
    lines: list[str] = []
    for group in dict.fromkeys(verb.group for verb in VERBS.values()):
        lines += ["", f"{group}:", *(f"  {name:<11}{verb.help}" for name, verb in VERBS.items() if verb.group == group)]
    return "\n".join(lines[1:])


def parsed(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments. Raises UsageError with what was probably meant, SystemExit after `--help` and `--version`."""
    if argv and not argv[0].startswith("-") and argv[0] not in VERBS:
        hint = suggest(argv[0], VERBS) or "engine --help lists the verbs"
        raise UsageError(finding("usage", f"engine: there is no verb {argv[0]}", hint=hint))
    known = parser()
    try:
        found, unknown = known.parse_known_args(argv)
    except UsageError as error:
        file = next((argument for argument in argv[1:] if argument.endswith(MAPPINGS)), "")
        if file and "--mapping" in error.findings[0].message:
            raise UsageError(finding("usage", error.findings[0].message, hint=f"give the mapping with --mapping {file}")) from None
        raise
    if unknown:
        message = f"engine {found.verb}: unrecognized arguments: {' '.join(unknown)}"
        raise UsageError(finding("usage", message, hint=_meant(unknown[0], found.verb) or f"engine {found.verb} --help"))
    return found


def _meant(option: str, verb: str) -> str:
    """The verbs that have an option; else one of this verb that looks like it, or nothing."""
    name = option.partition("=")[0]
    having = [other for other in VERBS if name in _options(other)]
    return f"{name} is an option of engine {', '.join(having)}" if having else suggest(name, _options(verb))


def _options(verb: str) -> set[str]:
    """The long options of a verb and its actions."""
    every, todo = set[str](), [ArgumentParser(add_help=False)]
    VERBS[verb].arguments(todo[0])
    while todo:
        for action in todo.pop()._actions:  # noqa: SLF001 - argparse has no other list of them
            every |= {name for name in action.option_strings if name.startswith("--")}
            todo += action.choices.values() if isinstance(action, argparse._SubParsersAction) else ()  # noqa: SLF001
    return every


def run(argv: Sequence[str], out: TextIO, err: TextIO) -> int:
    """Carry out a command line and return the exit code, which says so where a part of the output was lost."""
    code = _carried_out(argv, out, err)
    if failure := unwritten(out):
        message = f"standard output could not be written: {failure.strerror}"
        hint = "what the command did stays done; `engine runs` lists what was loaded or applied"
        print(finding("output_lost", message, hint=hint), file=err)
        return code or Exit.UNEXPECTED
    return code


def _carried_out(argv: Sequence[str], out: TextIO, err: TextIO) -> int:
    deeds = Deeds(NOTHING)
    try:
        with redirect_stdout(out):  # where argparse prints its help
            arguments = parsed(argv)
        verb = VERBS[arguments.verb]
        arguments.deeds = deeds = Deeds(verb.interrupted)
        refuse_few_addresses()
        module = import_module(f"engine.cli.verbs.{verb.module}")
        return int(getattr(module, verb.function)(arguments, out, err))
    except SystemExit as stop:
        return Exit.DONE if stop.code == 0 else Exit.USAGE
    except EngineError as error:
        for found in error.findings:
            print(found, file=err)
        return error.exit_code
    except KeyboardInterrupt:
        for line in deeds.lines:
            print(line, file=err)
        return Exit.INTERRUPTED
    except GeneratorExit:
        raise
    except BaseException as error:
        if os.environ.get("ENGINE_DEBUG"):
            raise
        if ran_out := exhausted(error):
            print(ran_out, file=err)
            return ran_out.exit_code
        print(f"unexpected {type(error).__name__}: this is a defect of the engine.", file=err)
        print("Run again with ENGINE_DEBUG=1 for the traceback (it may show data) and report it.", file=err)
        return Exit.UNEXPECTED


def main() -> None:
    """The command `engine`."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", ALLOCATOR)
    out, err = take_over_streams()  # first of all: whatever is opened must not get the number of a closed stream
    stop_on_signals()
    code = run(sys.argv[1:], out, err)
    err.flush()
    os._exit(code)  # a thread may still be waiting for a server that does not answer; Python would wait for it
