"""data/generate.py: its file against the real one where that is present, exact counts, and the same bytes every time."""

import csv
import hashlib
import importlib.util
import io
import re
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

DATA = Path(__file__).parents[2] / "data"
REAL = Path(__file__).parents[2] / "../shared/corpora/healthcare/healthcare_dataset.csv"


def load_script():
    spec = importlib.util.spec_from_file_location("generate", DATA / "generate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


generate = load_script()


def text(rows, seed=generate.DEFAULT_SEED):
    return "".join(generate.lines(rows, seed))


def cells(content):
    return list(csv.reader(io.StringIO(content, newline="")))


def without_age(row):
    return (row[0], *row[2:])


def kinds(rows):
    """Rows that are admissions, exact duplicates and age-only duplicates, told apart by reading alone."""
    whole, logical, found = set(), set(), Counter()
    for row in map(tuple, rows):
        found["exact" if row in whole else "age" if without_age(row) in logical else "admission"] += 1
        whole.add(row)
        logical.add(without_age(row))
    return found["admission"], found["exact"], found["age"]


def shape_of_hospital(name):
    return re.sub(r"\b(?!(?:Inc|PLC|LLC|Ltd|Group|Sons|and)\b)[A-Za-z]+", "N", name)


def affixes(names):
    known = {"mr.", "mrs.", "ms.", "miss", "dr.", "md", "dds", "dvm", "jr.", "phd", "ii", "iii", "iv", "v"}
    parts = [name.lower().split() for name in names]
    return {word for name in parts for word in (name[0], name[-1])} & known, {len(name) for name in parts}


def profile(content):
    """Everything in which the generated file must equal the real one; `content` is the file's text."""
    header, *rows = cells(content)
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    again = io.StringIO(newline="")
    csv.writer(again).writerows([header, *rows])
    originals = {without_age(row): (place, int(row[1])) for place, row in reversed(list(enumerate(rows)))}
    copied = [(originals[without_age(row)], int(row[1])) for row in rows[50_000:]]
    admitted = [date.fromisoformat(cell) for cell in columns["Date of Admission"]]
    stays = [(date.fromisoformat(out) - day).days for day, out in zip(admitted, columns["Discharge Date"], strict=True)]
    bills = columns["Billing Amount"]
    return {
        "header": header,
        "rows": len(rows),
        "dialect": (content.isascii(), again.getvalue() == content),
        "kinds": kinds(rows),
        "negative": sum(float(bill) < 0 for bill in bills),
        "negative after dedup": sum(float(row[9]) < 0 for row in set(map(tuple, rows))),
        "bills are shortest doubles": all(repr(float(bill)) == bill for bill in bills),
        "longest bill": max(len(re.sub(r"\D", "", bill).lstrip("0")) for bill in bills),
        "first rows are admissions": kinds(rows[:50_000])[0],
        "originals copied": len({place for (place, _), _ in copied}),
        "age shifts": sorted({age - original for (_, original), age in copied}),
        "ages": (min(map(int, columns["Age"])), max(map(int, columns["Age"]))),
        "rooms": {int(room) for room in columns["Room Number"]},
        "admitted": (min(admitted), max(admitted)),
        "stays": set(stays),
        "enumerations": {name: set(found) for name, found in columns.items() if len(set(found)) < 10},
        "hospital shapes": {shape_of_hospital(name) for name in columns["Hospital"]},
        "patients": affixes(columns["Name"]),
        "doctors": affixes(columns["Doctor"]),
        "untrimmed or empty": sum(cell != cell.strip() or not cell for row in rows for cell in row),
    }


@pytest.fixture(scope="module")
def full():
    return text(55_500)


def test_the_file_has_the_profile_of_the_real_one(full):
    if not REAL.exists():
        pytest.skip("the real data set is not here (../shared)")
    ours, real = profile(full), profile(REAL.read_bytes().decode("ascii"))
    for aspect, expected in real.items():
        assert ours[aspect] == expected, aspect


def test_counts_of_the_default_file(full):
    rows = cells(full)[1:]
    assert kinds(rows) == (50_000, 534, 4_966)
    assert len(set(map(tuple, rows))) == 54_966
    assert len(set(map(without_age, rows))) == 50_000
    assert sum(float(row[9]) < 0 for row in rows) == 108
    assert full.count("\r\n") == full.count("\n") == 55_501


def test_enumerations_are_near_uniform(full):
    header, *rows = cells(full)
    for name, found in zip(header, zip(*rows, strict=True), strict=True):
        shares = Counter(found)
        if len(shares) < 10:
            assert all(abs(count * len(shares) / len(rows) - 1) < 0.05 for count in shares.values()), name


def test_names_are_in_random_case(full):
    names = [row[0] for row in cells(full)[1:]]
    letters = [letter for name in names for letter in name if letter.isalpha()]
    assert 0.49 < sum(map(str.isupper, letters)) / len(letters) < 0.51
    assert 0.48 < sum(name[0].isupper() for name in names) / len(names) < 0.52


def test_the_same_seed_gives_the_same_bytes_on_every_machine(full):
    assert hashlib.sha256(full.encode()).hexdigest() == "9a8321d65d88ead5400d20cf23630f1336076e8a711956be0adac1cd9bc36bcb"
    assert text(300, seed=7) == text(300, seed=7) != text(300, seed=8)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(0, 3_000), seed=st.integers())
def test_any_number_of_rows_has_exactly_its_counts(rows, seed):
    header, *found = cells(text(rows, seed))
    total = generate.counts(rows)
    assert len(header) == 15
    assert {len(row) for row in found} <= {15}
    assert kinds(found) == (total.admissions, total.exact, total.age_only)
    assert sum(float(row[9]) < 0 for row in found) == total.negative


@given(rows=st.integers(0, 10**9))
def test_proportions_hold_at_every_size(rows):
    total = generate.counts(rows)
    assert min(generate.roles(total).values()) >= 0
    assert sum(generate.roles(total).values()) == total.admissions
    assert total.admissions + total.exact + total.age_only == rows
    assert 2 * abs(total.exact * 55_500 - rows * 534) <= 55_500
    assert 2 * abs(total.age_only * 55_500 - rows * 4_966) <= 55_500
    assert 0 <= total.negative * 55_500 - rows * 108 < 55_500


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(0, (0, 0, 0, 0)), (1, (1, 0, 0, 1)), (10, (9, 0, 1, 1)), (200, (180, 2, 18, 1)), (111_000, (100_000, 1_068, 9_932, 216))],
)
def test_scaled_counts(rows, expected):
    assert generate.counts(rows)[1:] == expected


@given(first=st.integers(0, 2**12 - 1), second=st.integers(0, 2**12 - 1))
@settings(max_examples=20, deadline=None)
def test_no_combination_comes_twice(first, second):
    assert generate.COMBINATIONS <= 1 << generate.BITS
    assert sorted(generate.mixed(number, first, second, bits=12) for number in range(2**12)) == list(range(2**12))


def test_the_committed_sample_is_what_the_script_makes():
    assert (DATA / "sample.csv").read_bytes() == text(200).encode("ascii")


@pytest.mark.parametrize("rows", [0, 1, 10, 200])
def test_the_command_writes_the_file_and_says_so_in_one_line(rows, tmp_path, capsys):
    output = tmp_path / "out.csv"
    output.write_text("older")
    assert generate.main(["--rows", str(rows), "--output", str(output)]) == 0
    assert output.read_bytes() == text(rows).encode("ascii")
    total = generate.counts(rows)
    out, err = capsys.readouterr()
    assert not out
    assert err == f"{rows} rows, {total.exact} exact duplicates, {total.age_only} age-only duplicates: {output}\n"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(("error", "code"), [(OSError(28, "No space left on device"), 1), (KeyboardInterrupt(), 130)])
def test_a_run_cut_short_leaves_the_old_file_and_nothing_else(error, code, tmp_path, monkeypatch, capsys):
    def cut(*_):
        yield generate.HEADER
        raise error

    output = tmp_path / "out.csv"
    output.write_text("older")
    monkeypatch.setattr(generate, "lines", cut)
    assert generate.main(["--output", str(output)]) == code
    assert "was not written" in capsys.readouterr().err
    assert output.read_text() == "older"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(
    "arguments",
    [["--rows", "-1"], ["--rows", "x"], ["--rows", "1000000001"], ["--seed", "x"], ["--output", "/dev/null"], ["--output", "."]],
)
def test_wrong_arguments_end_with_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        generate.main(arguments)
    assert stop.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_a_missing_folder_is_named(tmp_path, capsys):
    assert generate.main(["--rows", "1", "--output", str(tmp_path / "absent" / "out.csv")]) == 1
    assert "absent" in capsys.readouterr().err
