"""Why the server refused a document: path and keyword of the first failure in MongoDB's errInfo, without its values.

The format is MongoDB's since 5.0 ("Schema Validation Errors" in its manual): nested details, each with `operatorName`. Amazon DocumentDB
sends none.
"""

from __future__ import annotations

from typing import Any

INNER = ("schemaRulesNotSatisfied", "propertiesNotSatisfied", "clausesNotSatisfied", "clausesSatisfied", "details")
UNKNOWN = "the server does not say which keyword failed"


def failed_keyword(details: dict[str, Any]) -> tuple[str, str]:
    """Path and keyword of the first failure; the path is empty where the failure is not about one field."""
    path: list[str] = []
    while inner := next((details[name] for name in INNER if details.get(name)), None):
        details = inner[0] if isinstance(inner, list) else inner
        path += [details["propertyName"]] if "propertyName" in details else []
    path += details.get("missingProperties", [])[:1]  # names of the schema's
    keyword = str(details.get("operatorName", UNKNOWN))
    specified = details.get("specifiedAs", {})
    if not path and keyword not in specified:  # a query operator is specified as {path: {operator: …}}
        path += [name for name in specified if not name.startswith("$")][:1]
    return ".".join(path), keyword
