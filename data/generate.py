"""Make a hospital admissions CSV of the exact shape of the reference data set, of any length, from nothing but a seed.

The shape is that of the public "Healthcare Dataset" (55,500 rows), measured: its columns, dialect, enumerations, ranges and faults.
The people, doctors and hospitals are invented here. The same rows and seed give the same bytes on every platform and on Python 3.11 and
later: only `random()` and `getrandbits()` are drawn from, and no function of the C library touches a number.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice, permutations, product
from pathlib import Path
from random import Random
from typing import NamedTuple

REFERENCE_ROWS = 55_500
DEFAULT_SEED, DEFAULT_OUTPUT = 42, Path(__file__).with_name("healthcare_dataset.csv")

HEADER = (
    "Name,Age,Gender,Blood Type,Medical Condition,Date of Admission,Doctor,Hospital,"
    "Insurance Provider,Billing Amount,Room Number,Admission Type,Discharge Date,Medication,Test Results\r\n"
)

# The public enumerations. Neighbouring columns are joined once, here.
GENDERS = ("Male", "Female")
BLOOD_TYPES = ("A+", "A-", "B+", "B-", "AB+", "AB-", "O+", "O-")
CONDITIONS = ("Arthritis", "Asthma", "Cancer", "Diabetes", "Hypertension", "Obesity")
INSURERS = ("Aetna", "Blue Cross", "Cigna", "Medicare", "UnitedHealthcare")
ADMISSION_TYPES = ("Elective", "Emergency", "Urgent")
MEDICATIONS = ("Aspirin", "Ibuprofen", "Lipitor", "Paracetamol", "Penicillin")
TEST_RESULTS = ("Abnormal", "Inconclusive", "Normal")
PATIENTS = [",".join(cells) for cells in product(GENDERS, BLOOD_TYPES, CONDITIONS)]
OUTCOMES = [",".join(cells) for cells in product(MEDICATIONS, TEST_RESULTS)]

ROOMS, FIRST_ROOM = 400, 101
DAYS, STAYS = 1827, 30  # admitted 2019-05-08 to 2024-05-07, for 1 to 30 days
DATES = [(date(2019, 5, 8) + timedelta(day)).isoformat() for day in range(DAYS + STAYS)]
AGES, FIRST_AGE = 68, 18
AGE_SHIFTS = (-5, -4, -3, -2, -1, 1, 2, 3, 4)  # as in the reference file, where +5 never occurs


def words(text: str) -> list[str]:
    """The words of a list written as one text."""
    return text.split()


# Invented people. Surnames are mostly a stem and an ending: Ashford, Ashley, … Woodwell.
FIRST_NAMES = words(
    "Ada Adele Alan Alba Albert Alma Amos Anita Anton Arlo Astrid Audrey Basil Beatrix Ben Bianca Boris Bridget Bruno Camilla Carl "
    "Cecily Cedric Celia Clara Claude Clement Conrad Cora Cyril Dahlia Damian Daphne Delia Dexter Dina Edgar Edith Edmund Elena Eliza "
    "Elmer Elsa Emil Enid Ernest Esther Ezra Fabian Felix Fern Fiona Flora Floyd Frida Gemma Gideon Gilbert Gloria Greta Gus Harriet "
    "Harvey Hazel Hector Helga Hugo Ida Imogen Ines Ingrid Ira Irma Isaac Ivan Ivy Jasper Joan Joel Jonas Judith Julius June Karl Kira "
    "Lars Leah Leon Leopold Lester Lila Linus Lois Lola Lorna Louis Lucian Lydia Mabel Magnus Marcel Margot Marius Matilda Maud Max "
    "Mercy Milo Minna Mona Morris Muriel Myra Nadia Ned Nell Nina Noel Nora Odette Olga Oscar Otis Otto Pearl Percy Petra Phoebe "
    "Quentin Ralph Ramona Reuben Rex Rhoda Rita Roland Rosa Rufus Ruth Selma Silas Sonia Stella Sven Sybil Tessa Theo Thora Tilda "
    "Tobias Ulric Una Ursula Vera Victor Viola Wanda Warren Wilma Winston Yvette Zelda"
)
STEMS = words(
    "Ash Beck Black Brad Bram Brook Burn Carl Cold Cross Dal East Elm Fair Fern Gold Hart Hazel Hol Kings Lang Lin "
    "Mill North Oak Red Stan Thorn West Win Wood"
)
ENDINGS = words("ford ley ton well field worth more ham man stead by er")
RARE_SURNAMES = words("Li Cho Ng Okoro Ito Novak Petrov Haddad McAdam McBride McKenna McNeil MacLeod DeWitt VanDyke Fitzroy")
SURNAMES = [stem + ending for stem in STEMS for ending in ENDINGS] + RARE_SURNAMES


def expand(weights: dict[str, int]) -> list[str]:
    """Every key as often as its weight."""
    return [key for key, weight in weights.items() for _ in range(weight)]


TITLES = expand({"Mr.": 37, "Mrs.": 25, "Ms.": 4, "Miss": 4, "Dr.": 30})
SUFFIXES = expand({"MD": 430, "DDS": 280, "DVM": 150, "Jr.": 127, "PhD": 104, "II": 35, "III": 15, "IV": 4, "V": 4})


def hospital_shapes() -> list[str]:
    """Templates of hospital names, already quoted where they hold a comma: a third hyphenated, a third of three owners, a third companies.

    The reference file shuffles the words of "Black, Mills and Ferns", "Black Inc" and "Black and Sons"; so every order occurs.
    """
    owners = [" ".join(order) for order in permutations(("{0},", "{1}", "and", "{2}"))]
    companies = [" ".join(order) for kind in ("Inc", "PLC", "LLC", "Ltd", "Group") for order in permutations(("{0}", kind))]
    families = [" ".join(order) for order in permutations(("{0}", "and", "Sons"))]
    return ["{0}-{1}"] * 72 + [f'"{shape}"' for shape in owners] * 3 + companies * 6 + families * 2


HOSPITALS = hospital_shapes()


class Counts(NamedTuple):
    """How many rows of each kind a file of `rows` rows has; see `counts`."""

    rows: int
    admissions: int
    exact: int
    age_only: int
    negative: int


def share(count: int, rows: int) -> int:
    """`count` of the reference file's 55,500 rows, scaled to `rows` and rounded, halves up."""
    return (2 * count * rows + REFERENCE_ROWS) // (2 * REFERENCE_ROWS)


def counts(rows: int) -> Counts:
    """The reference file's proportions: 534 exact and 4,966 age-only duplicates, 108 negative bills in 55,500 rows.

    exact = round(rows * 534 / 55500), age_only = round(rows * 4966 / 55500), halves up; admissions = rows - exact - age_only;
    distinct rows = rows - exact; negative = ceil(rows * 108 / 55500), so that the smallest file shows one.
    """
    exact, age_only = share(534, rows), share(4966, rows)
    return Counts(rows, rows - exact - age_only, exact, age_only, -(-108 * rows // REFERENCE_ROWS))


class Role(NamedTuple):
    """What becomes of an admission: whether its bill is negative, and whether a later row repeats it, exactly or except for the age."""

    negative: bool
    repeat: str  # "", "exact" or "age"


def roles(total: Counts) -> dict[Role, int]:
    """How many admissions have each role; of the reference file's 108 negative bills 2 lie in exact and 10 in age-only duplicates."""
    exact, age_only = share(2, total.rows), share(10, total.rows)
    plain = total.admissions - total.exact - total.age_only
    negative = total.negative - 2 * (exact + age_only)  # each negative original counts twice: itself and its repetition
    return {
        Role(negative=False, repeat=""): plain - negative,
        Role(negative=False, repeat="age"): total.age_only - age_only,
        Role(negative=False, repeat="exact"): total.exact - exact,
        Role(negative=True, repeat=""): negative,
        Role(negative=True, repeat="age"): age_only,
        Role(negative=True, repeat="exact"): exact,
    }


def deal(amounts: dict[Role, int], uniform: Callable[[], float]) -> Iterator[Role]:
    """Every role exactly as often as it is counted, in random order: balls drawn from an urn and not put back."""
    kinds, balls = list(amounts), list(amounts.values())
    for left in range(sum(balls), 0, -1):
        ball, kind = int(uniform() * left), 0
        while ball >= balls[kind]:
            ball -= balls[kind]
            kind += 1
        balls[kind] -= 1
        yield kinds[kind]


COMBINATIONS = len(PATIENTS) * len(INSURERS) * len(ADMISSION_TYPES) * len(OUTCOMES) * ROOMS * DAYS * STAYS
BITS = 39  # the fewest that count all 473,558,400,000 combinations


def mixed(number: int, first: int, second: int, bits: int = BITS) -> int:
    """A bijection of the numbers of `bits` bits: xor, odd multiplications and xor-shifts, each can be undone (as in MurmurHash3)."""
    mask, half = (1 << bits) - 1, bits // 2
    number = (number ^ first) * 0x1E3779B97F & mask
    number = ((number ^ (number >> half)) * 0x5A4D1CE4E5 & mask) ^ second
    number = (number ^ (number >> half)) * 0x33A6B53D6B & mask
    return number ^ (number >> half)


def combinations(random: Random) -> Iterator[int]:
    """Numbers below COMBINATIONS in an order that looks random, none twice: what makes any two admissions differ, in no memory at all."""
    first, second = random.getrandbits(BITS), random.getrandbits(BITS)
    return (number for counter in range(1 << BITS) if (number := mixed(counter, first, second)) < COMBINATIONS)


def pick(items: Sequence[str], uniform: Callable[[], float]) -> str:
    """One of the items (`random.choice` may change between versions of Python)."""
    return items[int(uniform() * len(items))]


def person(uniform: Callable[[], float]) -> str:
    """A first name and a surname; 2 % have a title, 2.35 % a suffix, 0.5 % both."""
    name = f"{pick(FIRST_NAMES, uniform)} {pick(SURNAMES, uniform)}"
    chance = uniform()
    if chance < 0.02:
        name = f"{pick(TITLES, uniform)} {name}"
    if 0.015 <= chance < 0.0385:
        name = f"{name} {pick(SUFFIXES, uniform)}"
    return name


CASE_BITS = bytes(0x20 if chr(code).isalpha() else 0 for code in range(128)) + bytes(128)


def random_case(name: str, random: Random) -> str:
    """The name with each letter in either case. In ASCII one bit is the case, so random bits flip them all at once."""
    raw = name.encode("ascii")
    flips = random.getrandbits(8 * len(raw)) & int.from_bytes(raw.translate(CASE_BITS), "big")
    return (int.from_bytes(raw, "big") ^ flips).to_bytes(len(raw), "big").decode("ascii")


def bill(uniform: Callable[[], float], *, negative: bool) -> float:
    """1,000 to 50,000 with blurred edges: at least -2,000 and below 53,000, never so near zero that its text needs an exponent."""
    if negative:
        return -1.0 - 1999.0 * uniform() * uniform()
    amount = 0.0
    while amount < 1.0:
        amount = 49_000.0 * uniform() + 2_000.0 * (uniform() + uniform() + uniform()) - 2_000.0
    return amount


def admission(number: int, random: Random, *, negative: bool) -> str:
    """One CSV record. `number` decides the enumerations, room and dates, its digits in a mixed base; chance decides the rest."""
    number, patient = divmod(number, len(PATIENTS))
    number, outcome = divmod(number, len(OUTCOMES))
    number, insurer = divmod(number, len(INSURERS))
    number, kind = divmod(number, len(ADMISSION_TYPES))
    number, room = divmod(number, ROOMS)
    stay, day = divmod(number, DAYS)
    uniform = random.random
    name, age = random_case(person(uniform), random), FIRST_AGE + int(uniform() * AGES)
    charge = bill(uniform, negative=negative)
    hospital = pick(HOSPITALS, uniform).format(pick(SURNAMES, uniform), pick(SURNAMES, uniform), pick(SURNAMES, uniform))
    return (
        f"{name},{age},{PATIENTS[patient]},{DATES[day]},{person(uniform)},{hospital},{INSURERS[insurer]},{charge!r},"
        f"{FIRST_ROOM + room},{ADMISSION_TYPES[kind]},{DATES[day + stay + 1]},{OUTCOMES[outcome]}\r\n"
    )


def with_other_age(record: str, uniform: Callable[[], float]) -> str:
    """The record with the age shifted by 1 to 5 years. Neither of the first two cells ever holds a comma."""
    name, age, rest = record.split(",", 2)
    return f"{name},{int(age) + AGE_SHIFTS[int(uniform() * len(AGE_SHIFTS))]},{rest}"


def shuffled(records: list[str], uniform: Callable[[], float]) -> list[str]:
    """The same list in random order (Fisher and Yates)."""
    for last in range(len(records) - 1, 0, -1):
        other = int(uniform() * (last + 1))
        records[last], records[other] = records[other], records[last]
    return records


def lines(rows: int, seed: int) -> Iterator[str]:
    """The file's lines, header first: all admissions, then all duplicates in random order, each of a different admission.

    So they lie in the reference file. Only the duplicates, about a tenth of the file, are held in memory.
    """
    random, total = Random(seed), counts(rows)
    numbers, repeats = combinations(random), []
    yield HEADER
    for (negative, repeat), number in zip(deal(roles(total), random.random), islice(numbers, total.admissions), strict=True):
        record = admission(number, random, negative=negative)
        if repeat:
            repeats.append(record if repeat == "exact" else with_other_age(record, random.random))
        yield record
    yield from shuffled(repeats, random.random)


def write(output: Path, rows: int, seed: int) -> None:
    """Write the whole file beside its place, then rename it there, so that `output` is never half a file.

    Raises: OSError.
    """
    temporary = output.with_name(f".{output.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="ascii", newline="") as file:
            file.writelines(lines(rows, seed))
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)


def row_count(text: str) -> int:
    """A number of rows; more than a thousand million is taken for a slip of the hand."""
    if not (text.isdecimal() and int(text) <= 10**9):
        raise argparse.ArgumentTypeError("expected a whole number from 0 to 1000000000")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes as for `engine`: 0 done, 1 not written, 2 usage, 130 interrupted."""
    parser = argparse.ArgumentParser(description="Make a hospital admissions CSV of the shape of the reference data set.")
    parser.add_argument("--rows", type=row_count, default=REFERENCE_ROWS, help="rows without the header (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="the same seed gives the same file (default: %(default)s)")
    parser.add_argument(
        "--output", type=Path, default=DEFAULT_OUTPUT, help=f"file to write (default: {DEFAULT_OUTPUT.name} beside this script)"
    )
    options = parser.parse_args(argv)
    if options.output.exists() and not options.output.is_file():  # a rename would replace a device such as /dev/stdout
        parser.error(f"--output {options.output} exists and is not a regular file")
    try:
        write(options.output, options.rows, options.seed)
    except OSError as error:
        print(f"{options.output} was not written: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; {options.output} was not written", file=sys.stderr)
        return 130
    total = counts(options.rows)
    print(f"{total.rows} rows, {total.exact} exact duplicates, {total.age_only} age-only duplicates: {options.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
