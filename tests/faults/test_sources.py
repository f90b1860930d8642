"""Files that are damaged, drifted, or change while they are read: nothing of them is published."""

import gzip
import random

import pytest

from faults.loading import DATA, content

MAPPING = """
mapping: drifted
source: {path: in.csv, columns: {missing: fail, extra: warn}}
target: {database: "${DATABASE:-x}", collection: live, mode: replace}
id: {hash: [Number]}
dedup: {on: [Number]}
fields:
  number: {column: Number, type: int, required: true}
  name: {column: Name, required: true}
  city: City
"""
ROWS = [(str(number), f"Name {number}", f"City {number % 7}") for number in range(500)]
FLIPS, SEED = 40, 3


def table(header: list[str], order: tuple[int, ...] = (0, 1, 2)) -> bytes:
    lines = [",".join(header), *(",".join(row[place] for place in order) for row in ROWS)]
    return "\n".join(lines).encode() + b"\n"


PLAIN = table(["Number", "Name", "City"])
DRIFTED = {
    "renamed": table(["Number", "FullName", "City"]),
    "other case": table(["number", "Name", "City"]),
    "missing": table(["Number", "Name"], (0, 1)),
    "twice": table(["Number", "Name", "Name"]),
    "trailing blank": table(["Number", "Name ", "City"]),
    "no header": table(list(ROWS[0])),
    "other delimiter": PLAIN.replace(b",", b";"),
    "utf-16": PLAIN.decode().encode("utf-16"),
    "a page of html": b"<html><body>503 Service Unavailable</body></html>\n",
    "empty": b"",
    "nul": table(["Num\0ber", "Name", "City"]),
}
SAME = {
    "reordered": table(["City", "Number", "Name"], (2, 0, 1)),
    "extra column": table(["Number", "Name", "City", "New"], (0, 1, 2, 0)),
    "byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "crlf": PLAIN.replace(b"\n", b"\r\n"),
    "no last line end": PLAIN[:-1],
}


@pytest.mark.parametrize("how", DRIFTED)
def test_a_header_that_drifted(inline, how) -> None:
    inline.assert_untouched(inline(MAPPING, DRIFTED[how]), DATA)


@pytest.mark.parametrize("how", SAME)
def test_a_difference_that_makes_none(inline, how) -> None:
    inline.assert_accounted(inline(MAPPING, PLAIN))
    clean = content(inline.live)
    inline.assert_accounted(inline(MAPPING, SAME[how]))
    assert content(inline.live) == clean


PACKED = gzip.compress(PLAIN, mtime=0)
DAMAGED = {
    "half": PACKED[: len(PACKED) // 2],
    "without its last byte": PACKED[:-1],
    "without its checksum": PACKED[:-8],
    "header only": PACKED[:10],
    "empty": b"",
    "junk behind": PACKED + b"junk",
    "half a member behind": PACKED + PACKED[:100],
    "not gzip": PLAIN,
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_archive(inline, how) -> None:
    result = inline(MAPPING, DAMAGED[how], "in.csv.gz")
    inline.assert_untouched(result, DATA)
    assert result.findings == ["damaged_archive"]


def test_a_flipped_bit_anywhere(inline) -> None:
    """A bit of the data stops the run; one of the archive's name or time changes nothing."""
    inline.assert_accounted(inline(MAPPING, PACKED, "in.csv.gz"))
    clean, chance, stopped = content(inline.live), random.Random(SEED), 0
    for _ in range(FLIPS):
        place = chance.randrange(len(PACKED))
        result = inline(MAPPING, PACKED[:place] + bytes([PACKED[place] ^ 1 << chance.randrange(8)]) + PACKED[place + 1 :], "in.csv.gz")
        assert result.code in (0, DATA), result.err
        assert content(inline.live) == clean
        inline.assert_tidy()
        stopped += result.code == DATA
    assert stopped > FLIPS // 2


@pytest.mark.parametrize("change", ["appended to", "cut", "overwritten", "replaced", "removed"])
def test_a_file_that_changes_while_it_is_read(replica, jobs, proxy, tmp_path, change) -> None:
    job = jobs(replica, proxy.uri())
    whole = job.source.file.read_bytes()
    file = tmp_path / "changing.csv"
    file.write_bytes(whole)
    harm = proxy.harm("hold", "insert", nth=2, target="staging")
    loading = job.start("--source", str(file))
    assert harm.happened.wait(30)
    if change == "appended to":
        with file.open("ab") as stream:
            stream.write(b"9001,Late,3,x\n")
    elif change == "cut":
        with file.open("r+b") as stream:
            stream.truncate(len(whole) * 3 // 4)
    elif change == "overwritten":
        with file.open("r+b") as stream:
            stream.seek(-1000, 2)
            stream.write(b"f" * 500)
    elif change == "replaced":
        (tmp_path / "new.csv").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "new.csv").replace(file)
    else:
        file.unlink()
    harm.release.set()
    ended = loading.end()
    if change in ("replaced", "removed") and ended.code == 0:
        job.assert_whole(ended)  # an open file stays what it was, whatever its name now means
    else:
        assert ended.code == DATA, ended.err
        job.assert_untouched(ended)
        job.assert_tidy()
    job.finish()
