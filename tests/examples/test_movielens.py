"""MovieLens: four files become two collections. Titles are taken apart, ratings aggregated, tags embedded, epoch seconds read."""

import csv
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime

import pytest

YEAR = re.compile(r"\((\d{4})\)\s*$")


def movies(example):
    return example.database["movies"]


def ratings(example):
    return example.database["ratings"]


def rows(example, name: str) -> list[dict[str, str]]:
    with (example.datasets / f"movielens_small/{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None)


def test_every_row_ends_somewhere(example) -> None:
    assert example.counts("movies") == (9126, 9126, 0, 0, 0, 0)
    assert example.counts("ratings") == (100004, 100004, 0, 0, 0, 0)
    report = example.reports["movies"]
    others = {one["source"]: (one["rows_read"], one["embedded"], one["orphans"], one["looked_up"]) for one in report["secondary"]}
    assert others == {"tags": (1296, 1296, 0, 0), "ratings": (100004, 100004, 0, 0), "links": (9125, 0, 0, 9125)}
    assert [(one["code"], one["rows"]) for one in report["warnings"]] == [("known_genre", 1)]
    assert [(one["code"], one["rows"]) for one in report["nulled"]] == [("unmatched", 1)]


def test_titles_and_years(example) -> None:
    expected = {
        int(row["movieId"]): (" ".join(YEAR.sub("", row["title"]).split()), int(year[1]) if (year := YEAR.search(row["title"])) else None)
        for row in rows(example, "movies")
    }
    assert {one["_id"]: (one["title"], one.get("year")) for one in movies(example).find({}, {"title": 1, "year": 1})} == expected
    none = {one["title"] for one in movies(example).find({"year": {"$exists": False}})}
    assert len(none) == 7
    assert {"Big Bang Theory, The (2007-)", "Fawlty Towers (1975-1979)"} <= none
    assert movies(example).find_one({"title": "Rocky VI"})["year"] == 1986


def test_genres(example) -> None:
    genres = [row["genres"].split("|") for row in rows(example, "movies") if row["genres"] != "(no genres listed)"]
    found = {
        one["_id"]: one["n"]
        for one in movies(example).aggregate([{"$unwind": "$genres"}, {"$sortByCount": "$genres"}, {"$set": {"n": "$count"}}])
    }
    assert found == Counter(genre for some in genres for genre in some)
    assert sum(found.values()) == 20323
    assert movies(example).count_documents({"genres": []}) == 18
    assert movies(example).find_one({"_id": 1})["genres"] == ["Adventure", "Animation", "Children", "Comedy", "Fantasy"]
    assert movies(example).find_one({"genres": "Awesome"})["_id"] == 164980


def test_links_keep_their_zeros(example) -> None:
    expected = {
        int(row["movieId"]): {"imdb": f"tt{row['imdbId']}"} | ({"tmdb": int(row["tmdbId"])} if row["tmdbId"] else {})
        for row in rows(example, "links")
    }
    assert {one["_id"]: one["links"] for one in movies(example).find({"links": {"$exists": True}})} == expected
    assert movies(example).count_documents({"links.imdb": {"$regex": "^tt0"}}) == 7566
    assert movies(example).count_documents({"links.imdb": {"$exists": True}, "links.tmdb": {"$exists": False}}) == 13
    assert movies(example).find_one({"links": {"$exists": False}})["_id"] == 164980


def test_ratings_are_counted_and_averaged(example) -> None:
    of: dict[int, list[float]] = defaultdict(list)
    for row in rows(example, "ratings"):
        of[int(row["movieId"])].append(float(row["rating"]))
    found = {one["_id"]: one["rating"] for one in movies(example).find({}, {"rating": 1})}
    assert sum(one["count"] for one in found.values()) == 100004
    assert {movie: one["count"] for movie, one in found.items() if one["count"]} == {movie: len(values) for movie, values in of.items()}
    assert {movie: one["mean"] for movie, one in found.items() if "mean" in one} == pytest.approx(
        {movie: sum(v) / len(v) for movie, v in of.items()}
    )
    assert "ratings" not in movies(example).find_one({"_id": 1})


def test_tags_are_in_the_order_of_time(example) -> None:
    expected: dict[int, list[tuple[datetime, int, str]]] = defaultdict(list)
    for row in rows(example, "tags"):
        expected[int(row["movieId"])].append((moment(row["timestamp"]), int(row["userId"]), row["tag"]))
    found = {
        one["_id"]: [(tag["at"], tag["user"], tag["tag"]) for tag in one["tags"]] for one in movies(example).find({"tags": {"$ne": []}})
    }
    assert found == {movie: sorted(tags, key=lambda tag: tag[:2]) for movie, tags in expected.items()}
    assert sum(map(len, found.values())) == 1296


def test_each_rating_refers_to_a_movie(example) -> None:
    file = {(int(row["userId"]), int(row["movieId"]), float(row["rating"]), moment(row["timestamp"])) for row in rows(example, "ratings")}
    assert {(one["user"], one["movie"], one["rating"], one["rated_at"]) for one in ratings(example).find()} == file
    join = [
        {"$match": {"user": 2}},
        {"$lookup": {"from": "movies", "localField": "movie", "foreignField": "_id", "as": "film"}},
        {"$match": {"film": {"$size": 1}}},
    ]
    assert len(list(ratings(example).aggregate(join))) == ratings(example).count_documents({"user": 2}) == 76


def test_a_spot_document(example) -> None:
    found = movies(example).find_one({"_id": 339})
    assert found == {
        "_id": 339,
        "title": "While You Were Sleeping",
        "year": 1995,
        "genres": ["Comedy", "Romance"],
        "links": {"imdb": "tt0114924", "tmdb": 2064},
        "rating": {"count": 101, "mean": 347.5 / 101},
        "tags": [{"user": 15, "tag": "sandra 'boring' bullock", "at": moment("1138537770")}],
    }


def test_queries_use_the_indexes(example) -> None:
    folded = {"locale": "en", "strength": 2}
    assert example.indexes_of("movies", {"title": "toy story"}, collation=folded) == {"title"}
    assert example.indexes_of("movies", {"genres": "Drama"}, sort=[("rating.mean", -1)]) == {"genre"}
    assert example.indexes_of("movies", {"links.imdb": "tt0114709"}) == {"imdb"}
    assert example.indexes_of("movies", {"tags.tag": "FUNNY"}, collation=folded) == {"tag"}
    assert example.indexes_of("ratings", {"movie": 1}, sort=[("rating", -1)]) == {"movie"}
    assert example.indexes_of("ratings", {"user": 2}, sort=[("rated_at", -1)]) == {"user"}


def test_the_server_refuses_what_is_wrong(example) -> None:
    for path, value in (
        ("year", 1800),
        ("year", "1995"),
        ("genres", "Drama"),
        ("links.imdb", "114709"),
        ("tags", [{"tag": "x"}]),
        ("rating.count", 1.5),
    ):
        example.refuses("movies", path, value)
    for path, value in (("rating", 2.4), ("rating", 3), ("rated_at", 1260759144), ("movie", "1"), ("comment", "")):
        example.refuses("ratings", path, value)
