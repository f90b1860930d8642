"""From a tree that is of the language to a `Mapping`: what JSON Schema cannot say is checked here, and reported at its place."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from engine import model
from engine.constraints import CONSTRAINTS, argument
from engine.dates import format_problem
from engine.errors import suggest
from engine.expressions import Expression, ExpressionError, Typed, parse, typed
from engine.expressions.patterns import HEAVY, PatternError, read_pattern
from engine.profiles import PROFILES
from engine.types import Options, Type, type_table
from engine.yamltree import Tree

Raw = dict[str, Any]
SYNC_INSTEAD = "mode: sync ends with the same documents, but readers see them change one after another"
LONG_TEXT = 300  # characters; up to there every pattern of the language was measured to stay far below PCRE's limits
ORIGINS = ("column", "value", "compute")
TYPE_OPTIONS = frozenset().union(*(row.options for row in type_table.values()))


class Builder:
    """Builds a Mapping from a checked tree, reporting what does not make sense to `tree`."""

    def __init__(self, tree: Tree, text: str) -> None:
        self.tree, self.text = tree, text
        self.raw: Raw = tree.value

    def build(self) -> model.Mapping | None:
        """The mapping; None when something was reported."""
        raw = self.raw
        source = self._source(raw["source"])
        fields = self._fields(source)
        rules = tuple(rule for name, spec in raw.get("rules", {}).items() if (rule := self._rule(name, spec, fields)))
        dedup, identity = self._dedup(), self._identity(fields)
        self._check_identity(dedup, identity, fields)
        self._check_profile()
        self._check_mode(identity)
        mapping = model.Mapping(
            name=raw["mapping"],
            version=raw.get("version", 1),
            description=raw.get("description", ""),
            source=source,
            target=model.Target(**raw["target"]),
            fields=tuple(fields.values()),
            rules=rules,
            dedup=dedup,
            identity=identity,
            indexes=tuple(self._index(name, spec, fields) for name, spec in raw.get("indexes", {}).items()),
            validation=model.Validation(**raw.get("validation", {})),
            limit=_limit(raw.get("limits", {}).get("rejects")),
            deletions=_limit(raw.get("limits", {}).get("deletions", "10%")),
            private_rejects=raw.get("rejects", {}).get("private", "keep"),
            digest=_digest(raw),
            tests=tuple(self._case(number, spec, fields) for number, spec in enumerate(raw.get("tests", []))),
            file=Path(self.tree.file),
            text=self.text,
        )
        return None if self.tree.findings else mapping

    def _check_mode(self, identity: model.Identity | None) -> None:
        target, mode = self.raw["target"], self.raw["target"].get("mode", "replace")
        if mode != "replace" and identity and not identity.hash:
            message = f"with random ObjectIds a second run in mode {mode} would add every row again"
            self.tree.report(("id",), "random_id", message, "id: {hash: [the columns that name a row]}", at_key=True)
        for where, name, only in (("target", "on_match", "upsert"), ("limits", "deletions", "sync")):
            if name in self.raw.get(where, {}) and mode != only:
                self.tree.report((where, name), "no_effect", f"{name} is for mode {only}", f"remove {name}", at_key=True)
        profile = PROFILES.get(target.get("profile", ""))
        if profile and not profile.rename and mode == "replace":
            message = f"{profile.name} cannot rename a collection, so a load could not be made live at once"
            self.tree.report(("target",), "no_rename", message, SYNC_INSTEAD, at_key=True)

    def _check_profile(self) -> None:
        profile, validation = PROFILES.get(self.raw["target"].get("profile", "")), self.raw.get("validation", {})
        if profile and validation.get("action", "error") not in profile.actions:
            message = f"{profile.name} cannot only warn about documents"
            self.tree.report(("validation", "action"), "profile", message, "action: error, or another target.profile")

    def _source(self, raw: Raw) -> model.Source:
        csv, columns = raw.get("csv", {}), raw.get("columns", {})
        dialect = model.Dialect(
            delimiter=csv.get("delimiter", ","),
            quote=csv.get("quote", '"'),
            encoding=csv.get("encoding", "utf-8"),
            names=tuple(csv["names"]) if "names" in csv else None,
            newline={"lf": "\n", "cr": "\r"}[csv.get("newline", "lf")],
        )
        where = ("source", "csv")
        for name in ("delimiter", "quote"):
            character = getattr(dialect, name)
            if character is not None and (not character.isascii() or character in "\r\n\0"):
                self.tree.report((*where, name), "not_allowed", f"the {name} must be one ASCII character, no line end")
        if dialect.delimiter == dialect.quote:
            self.tree.report((*where, "quote"), "not_allowed", "delimiter and quote are the same character")
        try:
            codecs.lookup(dialect.encoding)
        except LookupError:
            known = ("utf-8", "utf-16", "latin-1", "cp1252")
            self.tree.report(
                (*where, "encoding"), "unknown_value", "unknown encoding", suggest(dialect.encoding, known) or f"for example {known}"
            )
        return model.Source(
            path=raw["path"],
            dialect=dialect,
            null_values=tuple(raw.get("null_values", [""])),
            missing=columns.get("missing", "fail"),
            extra=columns.get("extra", "warn"),
        )

    # fields

    def _fields(self, source: model.Source) -> dict[str, model.Field]:
        raws: dict[str, Raw] = {
            path: {"column": spec} if isinstance(spec, str) else spec for path, spec in self.raw["fields"].items()
        }  # fmt: skip
        self._check_nesting(raws)
        fields: dict[str, model.Field] = {}
        for path in self._computed_last(raws):
            if built := self._field(path, raws[path], fields, source):
                fields[path] = built
        return {path: fields[path] for path in raws if path in fields}

    def _check_nesting(self, raws: Iterable[str]) -> None:
        paths = set(raws)
        for path in paths:
            if path.count(".") >= model.MAX_LEVELS:
                message = f"a path of more than {model.MAX_LEVELS} levels, which is what a document may have"
                self.tree.report(("fields", path), "path_too_deep", message, at_key=True)
                continue
            segments = path.split(".")
            for parent in (".".join(segments[:length]) for length in range(1, len(segments))):
                if parent in paths:
                    self.tree.report(
                        ("fields", path), "path_conflict", f"{parent} is a field itself, so nothing can lie inside it", at_key=True
                    )

    def _computed_last(self, raws: MappingOf[str, Raw]) -> list[str]:
        """Paths in an order in which computed fields stand after those they read."""
        waiting = {path: self._references(path, spec["compute"]) for path, spec in raws.items() if "compute" in spec}
        ordered = [path for path in raws if path not in waiting]
        while waiting:
            ready = [path for path, needs in waiting.items() if not needs & waiting.keys()]
            if not ready:
                for path in waiting:
                    self.tree.report(("fields", path, "compute"), "cycle", f"computed in a circle with {', '.join(sorted(waiting))}")
                return ordered
            ordered += ready
            for path in ready:
                del waiting[path]
        return ordered

    def _references(self, path: str, text: str) -> frozenset[str]:
        expression = self._parse(("fields", path, "compute"), text)
        return expression.references if expression else frozenset()

    def _parse(self, where: tuple[str | int, ...], text: str) -> Expression | None:
        try:
            return parse(text)
        except ExpressionError as error:
            if not any(finding.path == ".".join(map(str, where)) for finding in self.tree.findings):
                self.tree.report(where, "expression", error.message, error.hint, offset=error.offset)
            return None

    def _typed(self, where: tuple[str | int, ...], text: str, fields: MappingOf[str, model.Field]) -> Typed | None:
        expression = self._parse(where, text)
        try:
            return typed(expression, {path: one.type.name for path, one in fields.items()}) if expression else None
        except ExpressionError as error:
            self.tree.report(where, "expression", error.message, error.hint, offset=error.offset)
            return None

    def _field(self, path: str, raw: Raw, others: MappingOf[str, model.Field], source: model.Source) -> model.Field | None:
        where = ("fields", path)
        origins = [origin for origin in ORIGINS if origin in raw]
        if len(origins) != 1:
            found = " and ".join(origins) or "none"
            self.tree.report(where, "origin", f"a field needs exactly one of column, value, compute; found {found}", at_key=True)
            return None
        compute = self._typed((*where, "compute"), raw["compute"], others) if "compute" in raw else None
        if "compute" in raw and compute is None:
            return None
        kind = type_table[raw.get("type", compute.type if compute and compute.type in type_table else "string")]
        if compute:
            self._check_storable((*where, "compute"), compute, kind)
        self._check_policies(where, raw)
        options = self._options(where, raw, kind)
        defaults = self.raw.get("defaults", {})
        return model.Field(
            path=path,
            type=kind,
            column=raw.get("column"),
            value=self._text(where, "value", raw, kind, options),
            compute=compute,
            options=options,
            transforms=self._transforms(where, raw),
            null_values=tuple(raw.get("null_values", source.null_values)),
            default=self._text(where, "default", raw, kind, options),
            constraints=self._constraints(where, raw, kind),
            required=raw.get("required", path == model.ID),
            empty=raw.get("empty", defaults.get("empty", "omit")),
            on_error=raw.get("on_error", defaults.get("on_error", "reject")),
            private=raw.get("private", False),
            description=raw.get("description", ""),
            line=self.tree.line(where),
        )

    def _check_storable(self, where: tuple[str, ...], compute: Typed, kind: Type) -> None:
        try:
            compute.to(kind.name)
        except ExpressionError as error:
            self.tree.report(where, "expression", error.message, error.hint)

    def _check_policies(self, where: tuple[str, str], raw: Raw) -> None:
        if "column" not in raw:
            for name in ("transform", "null_values", "default"):
                if name in raw:
                    self.tree.report((*where, name), "no_effect", f"{name} needs a column", f"remove {name}", at_key=True)
        if "value" in raw and "on_error" in raw:
            self.tree.report((*where, "on_error"), "no_effect", "a constant has no errors", "remove on_error", at_key=True)
        if raw.get("required") and raw.get("empty") in ("null", "omit"):
            self.tree.report((*where, "empty"), "contradiction", f"required, but empty: {raw['empty']}", "keep one of them")
        if raw.get("required") and "default" in raw:
            self.tree.report((*where, "required"), "no_effect", "a field with a default is never empty", "remove required", at_key=True)
        if where[1] == model.ID and raw.get("required") is False:
            self.tree.report((*where, "required"), "contradiction", "_id is always required", "remove required")

    def _options(self, where: tuple[str, str], raw: Raw, kind: Type) -> Options:
        for name in TYPE_OPTIONS & raw.keys():
            if name not in kind.options:
                fitting = next(row.name for row in type_table.values() if name in row.options)
                self.tree.report((*where, name), "no_effect", f"{name} does not go with type {kind.name}", f"type: {fitting}", at_key=True)
        formats = raw.get("format", Options.format)
        formats = (formats,) if isinstance(formats, str) else tuple(formats)
        for text in formats:
            if wrong := format_problem(text):
                self.tree.report((*where, "format"), "date_format", f"{text} {wrong}")
        zone = raw.get("timezone", "UTC")
        if not _is_timezone(zone):
            self.tree.report((*where, "timezone"), "timezone", f"unknown time zone {zone}", "an IANA name such as Europe/Paris")
        true_values, false_values = tuple(raw.get("true_values", Options.true_values)), tuple(raw.get("false_values", Options.false_values))
        if both := set(true_values) & set(false_values):
            self.tree.report(where, "contradiction", f"{', '.join(sorted(both))} would mean both true and false", at_key=True)
        return Options(formats, zone, true_values, false_values)

    def _text(self, where: tuple[str, str], name: str, raw: Raw, kind: Type, options: Options) -> str | None:
        """A constant or default: a text that the type accepts."""
        if name not in raw:
            return None
        text = _as_cell(raw[name])
        sound = not any(finding.path.startswith(".".join(where)) for finding in self.tree.findings)
        if sound and pl.select(kind.parse(pl.lit(text), options)).item() is None:
            self.tree.report((*where, name), "type", f"is not {kind.expects}")
        return text

    def _transforms(self, where: tuple[str, str], raw: Raw) -> model.Steps:
        steps = tuple((step, {}) if isinstance(step, str) else next(iter(step.items())) for step in raw.get("transform", []))
        for number, (name, arguments) in enumerate(steps):
            if wrong := "pattern" in arguments and _regex_problem(arguments["pattern"]):
                self.tree.report((*where, "transform", number), "pattern", f"{name}: {wrong}")
        return steps

    def _constraints(self, where: tuple[str, str], raw: Raw, kind: Type) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in [name for name in CONSTRAINTS if name in raw]:
            fitting = CONSTRAINTS[name].types
            if kind.name not in fitting:
                why = CONSTRAINTS[name].unfit.get(kind.name, "")
                message = f"{name} does not go with type {kind.name}" + (f": {why}" if why else "")
                self.tree.report((*where, name), "no_effect", message, f"it goes with {', '.join(sorted(fitting))}", at_key=True)
                continue
            try:
                found[name] = argument(name, raw[name], kind.name)
            except PatternError as error:
                self.tree.report((*where, name), "pattern", str(error))
            except ValueError as error:
                self.tree.report((*where, name), "wrong_type", f"{name} of a field of type {kind.name} must be {error}")
        self._check_constraints(where, found)
        return found

    def _check_constraints(self, where: tuple[str, str], found: Raw) -> None:
        if "pattern" in found and read_pattern(found["pattern"]).heavy and found.get("maxLength", LONG_TEXT + 1) > LONG_TEXT:
            self.tree.report((*where, "pattern"), "pattern", HEAVY, f"add maxLength: {LONG_TEXT}, or less")
        for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
            if low in found and high in found and found[low] > found[high]:
                self.tree.report((*where, low), "contradiction", f"{low} is above {high}")
        for low, high in (("minimum", "exclusiveMaximum"), ("exclusiveMinimum", "maximum"), ("exclusiveMinimum", "exclusiveMaximum")):
            if low in found and high in found and found[low] >= found[high]:
                self.tree.report((*where, low), "contradiction", f"no value lies between {low} and {high}")
        for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if plain in found and exclusive in found:
                self.tree.report((*where, exclusive), "contradiction", f"both {plain} and {exclusive}", "keep one of them", at_key=True)

    # the rest

    def _rule(self, name: str, raw: Raw, fields: MappingOf[str, model.Field]) -> model.Rule | None:
        where = ("rules", name)
        check = self._typed((*where, "check"), raw["check"], fields)
        if check and check.type != "bool":
            self.tree.report((*where, "check"), "expression", f"a check must be true or false; this gives {check.type}")
        if not check:
            return None
        return model.Rule(name, check, raw["check"], raw.get("on_fail", "reject"), raw.get("description", ""), self.tree.line(where))

    def _dedup(self) -> model.Dedup | None:
        raw = self.raw.get("dedup")
        return model.Dedup(self._row_key(("dedup", "on"), raw["on"]), raw.get("keep", "first")) if raw else None

    def _row_key(self, where: tuple[str, ...], raw: str | list[str]) -> str | tuple[str, ...]:
        if isinstance(raw, str) and raw != model.ROW_KEY:
            self.tree.report(where, "unknown_value", f"{raw} is not row", f"row, or a list: [{raw}]")
        return raw if isinstance(raw, str) else tuple(raw)

    def _identity(self, fields: MappingOf[str, model.Field]) -> model.Identity | None:
        raw = self.raw.get("id")
        if model.ID in fields:
            if raw:
                self.tree.report(("id",), "contradiction", "_id is mapped in fields as well", "keep one of them", at_key=True)
            return None
        if raw and "objectId" in raw:
            return model.Identity(None)
        return model.Identity(self._row_key(("id", "hash"), raw["hash"]) if raw else model.ROW_KEY)

    def _check_identity(self, dedup: model.Dedup | None, identity: model.Identity | None, fields: MappingOf[str, model.Field]) -> None:
        if identity and identity.hash and dedup is None and model.ID not in self.raw["fields"]:
            what = "rows" if identity.hash == model.ROW_KEY else f"rows with the same {', '.join(identity.hash)}"
            hint = "add `dedup: {on: row}`, or `id: {objectId: random}` to keep them all"
            self.tree.report(("id",), "same_id", f"{what} that are equal would get the same _id", hint, at_key=True)
        for key in ("dedup", "id"):
            for name in (self.raw.get(key) or {}).get({"dedup": "on", "id": "hash"}[key]) or ():
                if name in fields and fields[name].compute:
                    self.tree.report((key,), "not_allowed", f"{name} is computed; name the fields it is computed from", at_key=True)

    def _index(self, name: str, raw: Raw, fields: MappingOf[str, model.Field]) -> model.Index:
        where = ("indexes", name)
        parents = {".".join(path.split(".")[:length]) for path in fields for length in range(1, path.count(".") + 1)}
        known = {*fields, *parents, model.ID}
        for path in raw["keys"]:
            if path.removesuffix(".$**").removesuffix("$**") not in {*known, ""}:
                self.tree.report((*where, "keys", path), "unknown_path", f"no field {path}", suggest(path, known), at_key=True)
        options = {option: value for option, value in raw.items() if option != "keys"}
        profile = PROFILES.get(self.raw["target"].get("profile", ""))
        if profile and (wrong := profile.index_problem(raw["keys"].items(), options)):
            self.tree.report(where, "profile", f"{profile.name} {wrong}", "change the index, or target.profile", at_key=True)
        ttl = "expireAfterSeconds" in options
        if ttl and (len(raw["keys"]) > 1 or any(path in fields and fields[path].type.name != "date" for path in raw["keys"])):
            self.tree.report((*where, "expireAfterSeconds"), "no_effect", "a TTL index has one key, a date field", at_key=True)
        if "sparse" in options and "partialFilterExpression" in options:
            self.tree.report((*where, "sparse"), "contradiction", "sparse and partialFilterExpression exclude each other", at_key=True)
        return model.Index(name, tuple(raw["keys"].items()), options, self.tree.line(where))

    def _case(self, number: int, raw: Raw, fields: MappingOf[str, model.Field]) -> model.Case:
        where = ("tests", number)
        columns = {one.column for one in fields.values() if one.column is not None}
        for name in ("given", "but"):
            for column in raw.get(name, {}):
                if column not in columns:
                    self.tree.report(
                        (*where, name, column), "unknown_column", f"no field reads {column}", suggest(column, columns), at_key=True
                    )
        for path in raw.get("expect", {}):
            if path not in fields:
                self.tree.report((*where, "expect", path), "unknown_path", f"no field {path}", suggest(path, fields), at_key=True)
        for one, other in (("expect", "reject"), ("given", "but")):
            if (one in raw) == (other in raw):
                self.tree.report(where, "contradiction", f"a test needs either {one} or {other}")
        first = self.raw["tests"][0].get("given", {})
        if "but" in raw and number == 0:
            self.tree.report((*where, "but"), "contradiction", "there is no test before this one to differ from", "given: {…}", at_key=True)
        given = {column: _as_cell(value) for column, value in (raw.get("given") or first | raw.get("but", {})).items()}
        return model.Case(given, raw.get("expect"), raw.get("reject"), self.tree.values.get(where, (0, 0))[0])


def _as_cell(value: Any) -> str:
    """A YAML scalar as the text of a cell."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _digest(raw: Raw) -> str:
    """SHA-256 of the mapping as it is meant, the source's path apart: the file is known by its content."""
    said = raw | {"source": {name: value for name, value in raw["source"].items() if name != "path"}}
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _limit(raw: str | int | None) -> model.Limit:
    if isinstance(raw, str):
        return model.Limit(share=float(raw.removesuffix("%")) / 100)
    return model.Limit(count=raw)


def _is_timezone(name: str) -> bool:
    try:
        pl.select(pl.lit(0).cast(pl.Datetime("ms")).dt.replace_time_zone(name))
        ZoneInfo(name)
    except (pl.exceptions.PolarsError, ValueError, OSError, LookupError):
        return False
    return True


def _regex_problem(pattern: str) -> str | None:
    """What polars' regular expressions say against a pattern, or None."""
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.PolarsError:
        return "not a regular expression of Rust's syntax (no look-around, no back-references)"
    return None
