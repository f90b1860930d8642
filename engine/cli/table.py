"""THE table of verbs: what `engine --help` says of each, its arguments, and where the function is that carries it out.

A new verb is a row here and a function in a module of `verbs/`, which is imported when the verb is called: `--help` must not wait for the
data libraries. A function takes the parsed arguments and two streams, and returns the exit code.
"""

from __future__ import annotations

import argparse
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path

from engine.mapping.profiles import PROFILES

NOTHING = "nothing was written; run the same command again"
LOADS = "`engine runs` lists what was done, if anything was; run the same command again"
MOVED = "each document is in the collection or set aside still; run the same command again"
OTHER_SOURCE = "read this file instead of the mapping's source.path"


@dataclass(frozen=True)
class Verb:
    """One verb. `group` is what its users want to do; `interrupted` is printed after Ctrl-C before the verb has said more (`deeds`)."""

    group: str
    help: str
    arguments: Callable[[ArgumentParser], None]
    module: str
    function: str
    interrupted: str = NOTHING


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("expected a whole number above 0")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds, 0 or more."""
    try:
        found = float(text)
    except ValueError:
        found = -1
    if not 0 <= found < inf:
        raise argparse.ArgumentTypeError("expected a number of seconds, such as 60")
    return found


def path(text: str) -> str:
    """A path that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found an empty text")
    return text


def reason(text: str) -> str:
    """A reason in words, as one line."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


# what several verbs take


def _mapped(verb: ArgumentParser) -> None:
    verb.add_argument("--mapping", "-m", required=True, metavar="FILE", help="the mapping file")
    verb.add_argument("--collection", metavar="NAME", help="use only this collection of a mapping that has several")


def _waiting(verb: ArgumentParser) -> None:
    verb.add_argument(
        "--wait", type=seconds, default=0.0, metavar="SECONDS", help="wait so long for a server that is starting, and for a lock"
    )


def _loading(verb: ArgumentParser) -> None:
    _waiting(verb)
    verb.add_argument("--dry-run", action="store_true", help="do everything except writing documents; needs no server")
    verb.add_argument(
        "--allow", action="append", default=[], metavar="CODE", help="go on in spite of the refusal with this code (may be repeated)"
    )
    _reasoned(verb)
    verb.add_argument("--quiet", action="store_true", help="print nothing but errors")
    verb.add_argument("--json", action="store_true", help="print the report as JSON on standard output")


def _reasoned(verb: ArgumentParser) -> None:
    verb.add_argument("--reason", type=reason, default="", metavar="TEXT", help="why this is done, for the ledger (engine runs)")


# a function for each verb


def _infer(verb: ArgumentParser) -> None:
    verb.add_argument("files", nargs="+", metavar="FILE", help="the file whose rows become documents, then files that may be joined to it")
    verb.add_argument("--output", metavar="FILE", help="the file to write (default standard output)")


def _check(verb: ArgumentParser) -> None:
    _mapped(verb)
    verb.add_argument("--source", type=path, metavar="PATH", help="also compare the mapping with this file's header")


def _preview(verb: ArgumentParser) -> None:
    _mapped(verb)
    verb.add_argument("--source", type=path, metavar="PATH", help=OTHER_SOURCE)
    verb.add_argument("--rows", type=positive, default=3, metavar="N", help="how many rows (default 3)")
    verb.add_argument("--row", type=positive, metavar="N", help="trace row N, cell by cell, with the verdicts of engine and server")


def _schema(verb: ArgumentParser) -> None:
    _mapped(verb)
    verb.add_argument("--output", metavar="FILE", help="the file to write (default schemas/NAME.validator.json, - for standard output)")
    verb.add_argument("--profile", choices=PROFILES, metavar="P", help=f"the target profile to write it for: {', '.join(PROFILES)}")


def _run(verb: ArgumentParser) -> None:
    _mapped(verb)
    verb.add_argument("--source", type=path, metavar="PATH", help=OTHER_SOURCE)
    verb.add_argument("--limit", type=positive, metavar="N", help="stop after N rows")
    _loading(verb)


def _rejects(verb: ArgumentParser) -> None:
    actions = verb.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="list the rejects files, with counts and reasons")
    listed.add_argument(
        "--mapping", "-m", metavar="FILE", help="also count the rows that are still open, with the ledger of this mapping's database"
    )
    _waiting(listed)
    show = actions.add_parser("show", help="show why each row was rejected")
    retry = actions.add_parser("retry", help="load the rows of a corrected file into the live collection")
    for action in (show, retry):
        _mapped(action)
        action.add_argument("file", type=Path, metavar="FILE")
    retry.set_defaults(limit=None)
    _loading(retry)


def _set_aside(verb: ArgumentParser) -> None:
    actions = verb.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="list what is set aside, with how many documents the mapping takes")
    show = actions.add_parser("show", help="show what the mapping refuses about the documents of a run")
    restore = actions.add_parser("restore", help="bring back the documents that the applied mapping takes")
    drop = actions.add_parser("drop", help="delete the documents of these runs for good")
    for action in (listed, show, restore, drop):
        _mapped(action)
        _waiting(action)
    for action in (listed, show, restore):
        action.add_argument("--json", action="store_true", help="print the result as JSON")
    show.add_argument("run", metavar="RUN", help="the run that set them aside")
    show.add_argument("--rows", type=positive, default=20, metavar="N", help="how many _ids (default 20)")
    restore.add_argument("runs", nargs="*", metavar="RUN", help="the runs that set them aside, also where they are older than a later load")
    restore.add_argument("--all", action="store_true", help="those of all runs that are not older than a later load of everything")
    restore.add_argument("--limit", type=positive, metavar="N", help="bring back N documents at most")
    drop.add_argument("runs", nargs="+", metavar="RUN", help="the runs that set them aside")
    drop.add_argument("--allow", action="append", default=[], metavar="CODE", help="set_aside:RUN:COUNT, as the refusal says")
    for action in (restore, drop):
        _reasoned(action)


def _runs(verb: ArgumentParser) -> None:
    _mapped(verb)
    _waiting(verb)
    verb.add_argument("--rows", type=positive, default=20, metavar="N", help="how many runs (default 20)")
    verb.add_argument("--json", action="store_true", help="print them as JSON")


def _history(verb: ArgumentParser) -> None:
    actions = "list, show RUN, diff RUN RUN (as plan shows changes), or mapping RUN (its text as it was written); default list"
    verb.add_argument("action", nargs="?", default="list", choices=ACTIONS, metavar="ACTION", help=actions)
    verb.add_argument("runs", nargs="*", metavar="RUN", help="runs that the list shows")
    _mapped(verb)
    _waiting(verb)
    verb.add_argument("--rows", type=positive, default=20, metavar="N", help="how many runs the list shows (default 20)")
    verb.add_argument("--json", action="store_true", help="print list, show or diff as JSON")


def _verify(verb: ArgumentParser) -> None:
    _mapped(verb)
    _waiting(verb)


def _plan(verb: ArgumentParser) -> None:
    verb.add_argument("--mapping", "-m", metavar="FILE", help="compare this mapping with the one applied last")
    verb.add_argument("--collection", metavar="NAME", help="compare only this collection of a mapping that has several")
    verb.add_argument("files", nargs="*", metavar="FILE", help="OLD NEW: compare two mappings, without a server")
    verb.add_argument("--data", metavar="FILE", help="read this source with both mappings and show which documents differ (writes nothing)")
    _waiting(verb)
    verb.add_argument("--estimate", action="store_true", help="of a large collection, look at a sample only; numbers are estimates then")
    verb.add_argument("--output", metavar="PLAN", help="also write the plan to this file, for engine apply PLAN")
    verb.add_argument("--allow", action="append", default=[], metavar="LOSS", help=f"with --output, for that apply: {ALLOWING}")
    verb.add_argument("--fail-on", choices=FAIL_ON, metavar="WHAT", help=f"{', '.join(FAIL_ON)}: {FAILING}")
    verb.add_argument("--json", action="store_true", help="print the plan as JSON")


def _apply(verb: ArgumentParser) -> None:
    verb.add_argument("plan", nargs="?", metavar="PLAN", help="a file of engine plan --output: do exactly that, or refuse")
    verb.add_argument("--mapping", "-m", metavar="FILE", help="the mapping file (with PLAN: where it is now, if not where it was)")
    verb.add_argument("--collection", metavar="NAME", help="use only this collection of a mapping that has several")
    _waiting(verb)
    verb.add_argument("--allow", action="append", default=[], metavar="LOSS", help=ALLOWING)
    verb.add_argument("--dry-run", action="store_true", help="print the server's commands as Extended JSON; change nothing")
    verb.add_argument("--undo", action="store_true", help="take back an apply that was not finished, of whatever mapping")
    throttling = "N: rewrite at most N documents a second; Nms: slow down where a point read takes longer"
    verb.add_argument("--throttle", default="", metavar="PACE", help=throttling)
    _reasoned(verb)
    verb.add_argument("--quiet", action="store_true", help="print nothing but errors")
    verb.add_argument("--json", action="store_true", help="print what was done as JSON")


def _adopt(verb: ArgumentParser) -> None:
    _mapped(verb)
    verb.add_argument(
        "--allow", action="append", default=[], metavar="CODE", help="existing_documents: also where the mapping refuses some of them"
    )
    verb.add_argument("--dry-run", action="store_true", help="only say what the collection holds; write nothing")
    verb.add_argument("--json", action="store_true", help="print what it holds as JSON")
    _waiting(verb)
    _reasoned(verb)


def _db(verb: ArgumentParser) -> None:
    verb.add_argument("action", choices=["up", "down", "status"])


WRITE, LOAD, LOOK, CHANGE, SERVER = "Write a mapping", "Load", "Look back", "Change the schema", "The server"
ALLOWING = "CODE, CODE:SUBJECT or CODE:SUBJECT:COUNT: this may be lost, of so many documents at most (may be repeated)"
FAIL_ON = ("breaking", "destructive")
FAILING = "exit code 0, but 11 where something would be lost; breaking: also 12 where those who read or write the old shape do not go on"
ACTIONS = ("list", "show", "diff", "mapping")
HISTORY = "what the mapping's collections went through: applies and loads with their changes (engine runs: rows of all collections)"
PLAN = "show what a changed mapping means for the live collection (exit code 10: changes, 11: destructive)"
# fmt: off
VERBS: dict[str, Verb] = {
    "infer": Verb(WRITE, "write a commented mapping from a data file, each choice with its evidence", _infer, "infer", "infer"),
    "check": Verb(WRITE, "find every problem in the mapping and run its tests", _check, "mappings", "check"),
    "preview": Verb(WRITE, "show the first documents and rejects; writes nothing", _preview, "mappings", "preview"),
    "schema": Verb(WRITE, "write the collection's validator", _schema, "mappings", "schema", "run the same command again"),
    "run": Verb(LOAD, "load the source into the target", _run, "loading", "run", LOADS),
    "rejects": Verb(LOAD, "rejected rows: list the files, explain one, load its rows again", _rejects, "rejects", "rejects", LOADS),
    "runs": Verb(LOOK, "list the runs in the ledger of the mapping's database", _runs, "history", "runs"),
    "verify": Verb(LOOK, "compare the live collection with what its last published run recorded", _verify, "history", "verify"),
    "history": Verb(LOOK, HISTORY, _history, "history", "history"),
    "plan": Verb(CHANGE, PLAN, _plan, "evolution", "plan"),
    "apply": Verb(CHANGE, "change the live collection to match the mapping", _apply, "evolution", "apply", LOADS),
    "set-aside": Verb(CHANGE, "documents that an apply set aside: list, show, restore, drop", _set_aside, "setaside", "set_aside", MOVED),
    "adopt": Verb(CHANGE, "take over a collection that the engine did not make, as it is", _adopt, "adoption", "adopt", LOADS),
    "db": Verb(SERVER, "the embedded MongoDB: up, down, status", _db, "servers", "database", "`engine db status` tells how it is now"),
}
