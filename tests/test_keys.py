"""Laws of keys, digests and content checksums."""

import random

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from engine.checksum import Content, content
from engine.keys import Digests, RowKey, Seen, uuids


def digests(*columns: list) -> Digests:
    frame = pl.DataFrame({str(n): pl.Series(column, dtype=pl.String) for n, column in enumerate(columns)})
    return RowKey(tuple(pl.col(name) for name in frame.columns)).digests(frame)


@given(st.lists(st.lists(st.integers(0, 60)), max_size=8), st.sampled_from([2, 16, 256]))
def test_seen_tells_first_from_later(batches: list[list[int]], capacity: int) -> None:
    seen, reference = Seen(capacity), set()
    for batch in batches:
        found = seen.add(digests([str(key) for key in batch]))
        expected = []
        for key in batch:
            expected.append(key not in reference)
            reference.add(key)
        assert found.tolist() == expected
    assert len(seen) == len(reference)


def test_seen_survives_crowding_and_the_zero_key() -> None:
    seen = Seen(4)
    crowded = np.array([[7, n] for n in range(500)] + [[0, 0], [0, 0]], dtype=np.uint64)
    assert seen.add(crowded).tolist() == [True] * 501 + [False]
    assert not seen.add(crowded).any()


def test_digests_are_blake2b_of_the_text() -> None:
    found = digests(["", "é"])  # the expected digests are those of `b2sum -l 128`
    assert found.tobytes().hex() == "cae66941d9efbd404e4d88758ea67670" + "d4b1b0202b21bb84e60a3d272ecab0db"


@given(st.lists(st.tuples(*[st.none() | st.text("a\x1e\x1f01", max_size=3)] * 3), min_size=1, max_size=8))
def test_rows_have_the_same_digest_only_if_they_are_equal(rows: list[tuple[str | None, ...]]) -> None:
    together = digests(*map(list, zip(*rows, strict=True)))
    for row, found in zip(rows, together, strict=True):
        assert (digests(*[[part] for part in row])[0] == found).all(), "a digest depends on its own row alone"
    assert len({found.tobytes() for found in together}) == len(set(rows))


def test_uuids_are_of_version_8_and_keep_the_rest() -> None:
    found = digests([str(n) for n in range(50)])
    for raw, made in zip(found, uuids(found), strict=True):
        digest = raw.tobytes()
        assert (made[6] >> 4, made[8] >> 6) == (8, 2)
        assert (made[:6], made[7], made[9:]) == (digest[:6], digest[7], digest[9:])


@given(st.lists(st.binary(max_size=20)), st.randoms(use_true_random=False))
def test_content_forgets_order_and_nothing_else(documents: list[bytes], chance: random.Random) -> None:
    whole = content(documents)
    shuffled = chance.sample(documents, len(documents))
    assert content(shuffled) == whole
    cut = len(documents) // 2
    assert content(documents[:cut]) + content(documents[cut:]) == whole
    assert whole - content(documents[cut:]) == content(documents[:cut])
    if documents:
        assert content([*documents[1:], documents[0] + b"x"]).checksum != whole.checksum
        assert content(documents[1:]) != whole
    assert content([]) == Content()
