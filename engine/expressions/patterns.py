r"""The pattern language: what Rust's regular expressions (polars) and PCRE (MongoDB) both understand, each in its own spelling.

A pattern is searched for, as JSON Schema's `pattern`. `\d \w \s \b` are ASCII, `$` is the very end, `.` is anything but a line feed.
Where the two cannot be made to agree (Unicode tables of other versions, backtracking limits), the engine alone decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import polars as pl

from engine.expressions.operation import Unsupported

MAX_WEIGHT = 10_000  # characters of the pattern after writing out repeated groups; PCRE's limit is 64 KB of code
MAX_REPEAT = 1_000

BACKTRACKING = "nested unlimited repetitions may exceed MongoDB's matching limit"
HEAVY = "on long text MongoDB may give up on a pattern with a repeated group or two unlimited repetitions"
UNICODE = "MongoDB uses another version of Unicode's tables"

CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\x0b\x0c\r "}
CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
META = frozenset("\\.+*?()|[]{}^$#&-~/")

_TOKEN = re.compile(
    r"""(?P<caseless>\A\(\?i\)) | (?P<open>\((?:\?:)?)(?!\?) | (?P<close>\)) | (?P<or>\|) | (?P<start>\^|\\A) | (?P<end>\$|\\z)
    | (?P<dot>\.) | (?P<edge>\\[bB]) | (?P<property>\\[pP]\{[A-Za-z_]+\}) | \\(?P<short>[dwsDWS])
    | (?P<repeat>[*+?]|\{[0-9]+(?:,[0-9]*)?\})(?P<lazy>\??)
    | \[(?P<negated>\^?)(?P<class>(?:\\.|[^\]\\])+)\] | \\x(?P<hex>[0-9A-Fa-f]{2}) | \\(?P<control>[tnrf])
    | \\(?P<escaped>[!-/:;=?@\[-`{-~]) | (?P<plain>[^\\\[\]{}()*+?|^$.])""",
    re.VERBOSE | re.DOTALL,
)
_MEMBER = re.compile(
    r"""\\(?P<short>[dws])
    | (?:\\x(?P<hex>[0-9A-Fa-f]{2}) | \\(?P<control>[tnrf]) | \\(?P<escaped>[!-/:;=?@\[-`{-~]) | (?P<plain>[^\\\[]))""",
    re.VERBOSE | re.DOTALL,
)

CLASS_END = re.compile(r"^\[(?:\\.|[^\]\\])+\]", re.DOTALL)
LONGEST_SHOWN = 20


class PatternError(ValueError):
    """A pattern that is not of the language; the message says what is wrong and what to write."""


@dataclass(frozen=True)
class Pattern:
    """One pattern in both spellings."""

    engine: str
    mongo: str | Unsupported
    heavy: bool = False  # on long text MongoDB may give up: an unlimited repetition of a group, or two unlimited repetitions


def read_pattern(pattern: str) -> Pattern:
    """Spell a pattern for polars and for MongoDB.

    Raises:
        PatternError: outside the language.
    """
    reader = _PatternReader(pattern)
    reader.read()
    engine = "".join(reader.engine)
    try:
        pl.select(pl.lit("").str.contains(pl.lit(engine)))
    except pl.exceptions.PolarsError:
        raise PatternError("it is not a regular expression, or it is too large") from None
    mongo = Unsupported(reader.engine_only) if reader.engine_only else "".join(reader.mongo)
    return Pattern(engine, mongo, heavy=reader.heavy or reader.unlimited > 1)


def engine_pattern(pattern: str) -> str:
    """The spelling for polars' `str.contains`; raises PatternError outside the language."""
    return read_pattern(pattern).engine


def common_pattern(pattern: str) -> str:
    """The spelling for MongoDB (`$regexMatch`, `$jsonSchema`'s `pattern`).

    Raises:
        PatternError: outside the language, or not decided by MongoDB exactly as by the engine.
    """
    mongo = read_pattern(pattern).mongo
    if isinstance(mongo, Unsupported):
        raise PatternError(mongo.reason)
    return mongo


@dataclass
class _Group:
    weight: int = 1
    unlimited: bool = False  # holds `*`, `+` or `{n,}`
    group: bool = False  # written in brackets


@dataclass
class _PatternReader:
    """Token by token: what is written so far, and what the next quantifier would repeat."""

    pattern: str
    engine: list[str] = field(default_factory=list)
    mongo: list[str] = field(default_factory=list)
    groups: list[_Group] = field(default_factory=lambda: [_Group()])
    atom: _Group | None = None
    engine_only: str = ""
    unlimited: int = 0
    heavy: bool = False

    def read(self) -> None:
        position = 0
        while position < len(self.pattern):
            token = _TOKEN.match(self.pattern, position)
            if token is None:
                raise PatternError(_unclosed(self.pattern[position:]) or _refusal(self.pattern[position:]))
            self.take(token)
            position = token.end()
        if len(self.groups) > 1:
            raise PatternError("a group is not closed; add `)`")
        if self.groups[0].weight > MAX_WEIGHT:
            raise PatternError("its repetitions make it too large")

    def take(self, token: re.Match[str]) -> None:
        kind = token.lastgroup if token["repeat"] is None else "repeat"
        match kind:
            case "open":
                self.write("(?:")
                self.groups.append(_Group())
                self.atom = None
            case "close":
                self.close()
            case "or" | "start" | "end":
                spelling = {"or": "|", "start": "^", "end": r"\z"}[kind]
                self.write(spelling)
                self.atom = None
            case "edge":
                self.write(f"(?-u:{token[0]})", token[0])
                self.atom = None
            case "caseless":
                self.write("(?i)")
                self.engine_only = UNICODE
            case "repeat":
                self.repeat(token["repeat"], token["lazy"])
            case _:
                self.single(token)

    def write(self, engine: str, mongo: str | None = None) -> None:
        self.engine.append(engine)
        self.mongo.append(engine if mongo is None else mongo)

    def single(self, token: re.Match[str]) -> None:
        """One character or class of them."""
        if token["property"]:
            self.write(token[0])
            self.engine_only = UNICODE
        elif token["dot"]:
            self.write(".")
        elif token["short"]:
            self.write(f"[{'^' if token['short'].isupper() else ''}{CLASSES[token['short'].lower()]}]")
        elif token["class"]:
            self.write(f"[{token['negated']}{_members(token['class'])}]")
        else:
            self.write(_spelled(_character(token)))
        self.atom = _Group(weight=len(self.engine[-1]))
        self.groups[-1].weight += self.atom.weight

    def close(self) -> None:
        if len(self.groups) == 1:
            raise PatternError("a `)` has no `(` before it; write `\\)` for the character itself")
        self.write(")")
        self.atom = replace(self.groups.pop(), group=True)
        self.groups[-1].weight += self.atom.weight
        self.groups[-1].unlimited |= self.atom.unlimited

    def repeat(self, quantifier: str, lazy: str) -> None:
        if self.atom is None:
            raise PatternError(f"`{quantifier}` has nothing to repeat")
        least, most = _bounds(quantifier)
        if most is None:
            if self.atom.unlimited:
                self.engine_only = BACKTRACKING
            self.groups[-1].unlimited = True
            self.unlimited += 1
            self.heavy |= self.atom.group
        self.groups[-1].weight += self.atom.weight * max(least, most or 1, 1)
        self.write(quantifier + lazy)
        self.atom = None


def _bounds(quantifier: str) -> tuple[int, int | None]:
    if quantifier in "*+?":
        return int(quantifier == "+"), 1 if quantifier == "?" else None
    least, comma, most = quantifier[1:-1].partition(",")
    bounds = int(least), int(most) if most else (None if comma else int(least))
    if max(bounds[0], bounds[1] or 0) > MAX_REPEAT or (bounds[1] is not None and bounds[1] < bounds[0]):
        raise PatternError(f"`{quantifier}`: write the lower number of repetitions first, and at most {MAX_REPEAT}")
    return bounds


def _members(text: str) -> str:
    """The members of a bracket class, each spelled so that neither dialect reads more into it."""
    parts: list[str] = []
    position = 0
    while position < len(text):
        first = _member(text, position)
        position = first.end()
        last = _member(text, position + 1) if text[position : position + 1] == "-" and position + 1 < len(text) else None
        if last is None:
            parts.append(CLASSES[first["short"]] if first["short"] else _spelled(_character(first)))
            continue
        position = last.end()
        if first["short"] or last["short"] or _character(first) > _character(last):
            raise PatternError(f"`{first[0]}-{last[0]}` is not a range of characters")
        parts.append(f"{_spelled(_character(first))}-{_spelled(_character(last))}")
    return "".join(parts)


def _member(text: str, position: int) -> re.Match[str]:
    found = _MEMBER.match(text, position)
    if found is None:
        raise PatternError(_refusal(text[position:]) + " inside [ ]")
    return found


def _character(token: re.Match[str]) -> str:
    if token["hex"]:
        return chr(int(token["hex"], 16))
    return CONTROLS[token["control"]] if token["control"] else str(token["escaped"] or token["plain"])


def _spelled(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        raise PatternError("half of a surrogate pair is not a character")
    if character < " ":
        return f"\\x{ord(character):02x}"
    return f"\\{character}" if character in META else character


def _unclosed(rest: str) -> str:
    """A bracket class without its end."""
    if not rest.startswith("[") or CLASS_END.match(rest):
        return ""
    return f"the bracket class `{rest[:LONGEST_SHOWN]}` is not closed; add `]`, or write `\\[` for the character itself"


def _refusal(rest: str) -> str:
    for start, reason in REFUSALS.items():
        if rest.startswith(start):
            return reason
    return f"`{rest[:2]}` is not understood; write a backslash before a character that is meant literally"


REFUSALS = {
    "(?=": "patterns cannot look ahead; combine several patterns with allOf and not",
    "(?!": "patterns cannot look ahead; combine several patterns with allOf and not",
    "(?<=": "patterns cannot look behind; combine several patterns with allOf and not",
    "(?<!": "patterns cannot look behind; combine several patterns with allOf and not",
    "(?P": "groups cannot have names; write (…)", "(?<": "groups cannot have names; write (…)",
    "(?i": "(?i) is allowed only at the very beginning", "(?": "the only flag is (?i), at the very beginning",
    "\\Z": "`\\Z` means different things to polars and MongoDB; write `$`",
    "\\v": "`\\v` means different things to polars and MongoDB; write `\\x0b`",
    "\\u": "`\\u` is not understood; write the character itself", "{": "write `\\{` for the character `{`",
    "[": "this bracket class is not closed, or not understood; write `\\[` for the character `[`",
}  # fmt: skip
