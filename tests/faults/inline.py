"""The command in this process, for files and mappings that are wrong: quick, and on a real server all the same."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo.collection import Collection

from engine import cli
from faults.loading import Content, content

OLD = [{"_id": number, "old": True} for number in range(10)]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def findings(self) -> list[str]:
        return [one["code"] for one in self.report["errors"]]

    @property
    def rejects(self) -> dict[int, str]:
        """Code by row."""
        if not self.report["rejects_file"]:
            return {}
        with Path(self.report["rejects_file"]).open(encoding="utf-8", newline="", errors="surrogateescape") as stream:
            csv.field_size_limit(1 << 30)
            return {int(row["_row"]): row["_code"] for row in csv.DictReader(stream)}


@dataclass(frozen=True)
class Inline:
    """Writes mapping and source into `folder` and runs them; `live` is the target, with something in it to lose."""

    folder: Path
    live: Collection[dict[str, Any]]
    before: Content

    def __call__(self, mapping: str, source: bytes, name: str = "in.csv") -> Result:
        (self.folder / name).write_bytes(source)
        (self.folder / "mapping.yaml").write_text(mapping, encoding="utf-8")
        out, err = io.StringIO(), io.StringIO()
        code = cli.run(["run", "-m", str(self.folder / "mapping.yaml"), "--source", str(self.folder / name), "--json"], out, err)
        assert "Traceback" not in err.getvalue()
        return Result(code, out.getvalue(), err.getvalue())

    def assert_untouched(self, result: Result, code: int) -> None:
        """Refused with this exit code, and nothing was changed."""
        assert result.code == code, result.err
        assert content(self.live) == self.before
        self.assert_tidy()

    def assert_tidy(self) -> None:
        assert [name for name in self.live.database.list_collection_names() if not name.startswith("_engine")] == [self.live.name]

    def assert_accounted(self, result: Result) -> None:
        assert result.code == 0, result.err
        counts = result.report["accounting"]
        assert counts["rows_read"] == counts["documents"] + counts["duplicates"] + counts["rejected"] + counts["filtered"]
        assert counts["documents"] == self.live.count_documents({})
        assert counts["rejected"] == len(result.rejects)
        self.assert_tidy()
