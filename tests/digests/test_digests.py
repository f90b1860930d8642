"""Laws of keys, digests and content checksums."""

import random
import tracemalloc

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.digests import keys
from engine.digests.checksum import Content, content
from engine.digests.keys import Digests, DigestSet, DigestTable, RowKey, distinct, uuids


def digests(*columns: list) -> Digests:
    frame = pl.DataFrame({str(n): pl.Series(column, dtype=pl.String) for n, column in enumerate(columns)})
    return RowKey(tuple(pl.col(name) for name in frame.columns)).digests(frame)


@given(st.lists(st.lists(st.integers(0, 60)), max_size=8))
def test_seen_tells_first_from_later(batches: list[list[int]]) -> None:
    seen, reference = DigestSet(), set()
    for batch in batches:
        found = seen.add(digests([str(key) for key in batch]))
        expected = []
        for key in batch:
            expected.append(key not in reference)
            reference.add(key)
        assert found.tolist() == expected
    assert len(seen) == len(reference)


HIGH = st.sampled_from([0, 1, 7 << 32, 1 << 40, 1 << 62, (1 << 62) + (1 << 33), (1 << 64) - 1]) | st.integers(0, (1 << 64) - 1)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.tuples(HIGH, st.integers(0, 3))), max_size=6), st.sampled_from([1, 3, 64]), st.sampled_from([4, 1 << 16]))
def test_a_table_keeps_its_words_however_it_grows(batches: list, capacity: int, step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "STEP", step)  # so that growing in place has many parts
        patch.setattr(keys, "SPARE", 200)
        table, reference = DigestTable(1, capacity), {}
        for batch in batches:
            found, _ = distinct(np.array(batch, dtype=np.uint64).reshape(-1, 2))
            places, fresh = table.place(found)
            told = [(int(key[0]), int(key[1])) for key in found]
            assert fresh.tolist() == [key not in reference for key in told]
            assert table.words(places)[~fresh, 0].tolist() == [reference[key] for key in told if key in reference]
            words = np.arange(len(found), dtype=np.uint64) + np.uint64(len(reference))
            table.put_words(places, words.reshape(-1, 1))
            reference |= {key: int(word) for key, word in zip(told, words, strict=True)}
        assert sorted(int(word) for part in table.all_words() for word in part[:, 0]) == sorted(reference.values())
        assert len(table) == len(reference)


def test_a_table_survives_crowding_and_the_zero_key() -> None:
    table = DigestTable(0, 4)
    crowded, _ = distinct(np.array([[7, n] for n in range(500)] + [[0, 0], [0, 0]], dtype=np.uint64))
    assert len(crowded) == 501
    assert table.place(crowded)[1].all()
    assert not table.place(crowded)[1].any()


def test_a_set_takes_at_most_32_bytes_a_key() -> None:
    chance, seen = np.random.default_rng(1), DigestSet()
    tracemalloc.start()
    try:
        for _ in range(30):
            seen.add(chance.integers(0, 1 << 64, size=(20_000, 2), dtype=np.uint64))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 * len(seen) + (2 << 20), "also while it grows; what one batch needs for a moment is apart"


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
