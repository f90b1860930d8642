"""What is shown of MONGODB_URI: hosts, and no part of a password, however it is written."""

from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import TargetError
from engine.mongo.address import address_of

PARTS = ["S3CRETa", "S3CRETb", "47111"]  # the last one could be a port
MARKS = st.lists(st.sampled_from(list("#/?@%:&=,;[]+ \\.|")), min_size=len(PARTS) + 1, max_size=len(PARTS) + 1)
HOSTS = {
    "h1": "h1",
    "h1:1,h2:27018": "h1:1,h2:27018",
    "[::1]:27017": "[::1]:27017",
    "[fe80::1]": "[fe80::1]",
    "%2Ftmp%2Fmongodb-27017.sock": "/tmp/mongodb-27017.sock",
}
OPTIONS = ["", "/", "/?tls=true", "?replicaSet=rs", "/admin?appName=x&retryWrites=false"]


def secret(marks: list[str]) -> str:
    return "".join(mark + part for mark, part in zip(marks, PARTS, strict=False)) + marks[-1]


HOST, OPTION, SCHEME = st.sampled_from([*HOSTS]), st.sampled_from(OPTIONS), st.sampled_from(["mongodb", "mongodb+srv"])


@given(marks=MARKS, scheme=SCHEME, hosts=HOST, options=OPTION, escaped=st.booleans(), as_user=st.booleans())
def test_no_part_of_a_name_or_password_is_shown(*, marks: list[str], scheme: str, hosts: str, options: str, escaped: bool, as_user: bool):
    text = quote_plus(secret(marks)) if escaped else secret(marks)
    login = f"{text}:x" if as_user else f"loader:{text}"
    try:
        address = address_of(f"{scheme}://{login}@{hosts}{options}")
    except TargetError as error:
        assert not escaped, "a URI that is written as it should be is refused"
        said = str(error)
        assert "MONGODB_URI is not usable" in said
    else:
        assert address.shown == f"{scheme}://{HOSTS[hosts]}"
        said = repr(address)
    assert not any(part in said for part in (*PARTS, "loader")), said


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("loader:sec@ret@h/", "not percent-encoded"),
        ("loader:a/secret@h/", "an @ behind the first / or ?"),
        ("loader:1/secret@localhost", "an @ behind the first / or ?"),
        ("loader:1?secret=x@localhost", "an @ behind the first / or ?"),
        ("loader:secret@h:99999/", "the port is not"),
        ("", "it names no host"),
        ("loader:secret@:27017", "it names no host"),
        ("h/?secret", "options NAME=VALUE"),
        ("h/?tls=secret", "its option tls does not take this value"),
        ("h/?serverSelectionTimeoutMS=secret", "its option serverSelectionTimeoutMS does not take this value"),
    ],
)
def test_a_uri_that_is_not_usable_is_refused_in_words(uri: str, words: str):
    with pytest.raises(TargetError) as caught:
        address_of(f"mongodb://{uri}")
    assert words in str(caught.value)
    assert not any(part in str(caught.value) for part in ("loader", "secret", "ret@"))


def test_another_scheme_is_refused():
    with pytest.raises(TargetError, match="it does not begin with mongodb://"):
        address_of("http://loader:secret@h")


@pytest.mark.parametrize(
    ("options", "seconds", "words"),
    [
        ("", 10, []),
        ("serverSelectionTimeoutMS=60000", 60, []),
        ("readPreference=secondaryPreferred&readConcernLevel=linearizable", 10, ["readPreference of", "readConcernLevel of"]),
        ("readPreferenceTags=dc:a&readPreferenceTags=", 10, ["readPreferenceTags of"]),
        ("useNewUrlParser=true", 10, ["useNewUrlParser of MONGODB_URI is not known to the driver"]),
        ("compressors=zlib", 10, []),
    ],
)
def test_options(options: str, seconds: float, words: list[str]):
    found = address_of(f"mongodb://h/?{options}").options
    assert found.seconds == seconds
    assert [word in note for word, note in zip(words, found.notes, strict=True)] == [True] * len(words), found.notes
