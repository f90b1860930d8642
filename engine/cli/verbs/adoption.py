"""The verb `adopt`: say what a collection of others holds, and take it over as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TextIO

from engine.apply.adopting import AdoptTask, CollectionSurvey
from engine.apply.existing import CODE
from engine.cli.verbs.common import Arguments, client_of, mappings_of, profile_of
from engine.errors import DataError, Exit, UsageError, finding
from engine.mongo.runids import new_run_id


def adopt(arguments: Arguments, out: TextIO, _err: TextIO) -> int:
    """Look at the collections and show what they hold; record them as the engine's, unless one of them is refused."""
    if unknown := [code for code in arguments.allow if code != CODE]:
        raise UsageError(finding("unknown_code", f"adopt has no permission {unknown[0]}", hint=f"it has --allow {CODE}"))
    mappings, allowed = mappings_of(arguments), CODE in arguments.allow
    with client_of("plan" if arguments.dry_run else "adopt", mappings, arguments.wait) as client:
        tasks = [
            AdoptTask(client, profile_of(client, mapping), mapping, allowed, new_run_id(), arguments.reason, arguments.wait)
            for mapping in mappings
        ]
        surveys = [task.survey() for task in tasks]
        _show(arguments, surveys, out)
        if refused := [found for task, survey in zip(tasks, surveys, strict=True) if (found := task.refusal(survey))]:
            raise DataError(refused)
        if arguments.dry_run:
            return Exit.DONE
        adopted: list[str] = []
        arguments.deeds.ask(lambda: [f"adopted by then: {', '.join(adopted) or 'none'}; run the same command again for the rest"])
        for task, survey in zip(tasks, surveys, strict=True):
            record = task.carry_out(survey)
            adopted.append(survey.collection)
            if not arguments.json:
                print(f"ADOPTED  {survey.collection} as it is, run {record.run_id}; see `engine plan`, then `engine apply`", file=out)
    return Exit.DONE


def _show(arguments: Arguments, surveys: list[CollectionSurvey], out: TextIO) -> None:
    if arguments.json:
        plain = [survey.as_json() for survey in surveys]
        print(json.dumps(plain[0] if len(plain) == 1 else {"collections": plain}, indent=2, ensure_ascii=False), file=out)
        return
    for survey in surveys:
        for line in _lines(survey):
            print(line, file=out)


def _lines(survey: CollectionSurvey) -> Iterator[str]:
    yield f"{survey.collection}: {survey.existing.described}"
    if survey.refused.documents:
        yield survey.refused.described
    if survey.fields:
        yield "fields that the mapping does not name: " + ", ".join(f"{path} {count:,}" for path, count in survey.fields.items())
    if survey.indexes:
        yield f"indexes that the mapping does not name: {', '.join(survey.indexes)}"
    yield from (f"differs from the mapping: {line}" for line in survey.unmet)
