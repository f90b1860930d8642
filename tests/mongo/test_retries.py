"""What is tried again, and what is not."""

from threading import Event, Timer

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from engine.errors import TargetError
from engine.mongo import retries
from engine.mongo.codes import BLAMING, RETRYABLE
from engine.mongo.retries import TransientError, document_errors, retry_transient


@pytest.mark.parametrize(
    "error", [AutoReconnect(), TransientError(), *(OperationFailure("", code) for code in sorted(RETRYABLE))], ids=repr
)
def test_what_passes_by_itself_is_tried_again(error: Exception) -> None:
    attempts = []

    def step(attempt: int) -> str:
        attempts.append(attempt)
        if attempt == 0:
            raise error
        return "done"

    assert (retry_transient(step), attempts) == ("done", [0, 1])


@pytest.mark.parametrize("code", [13, 79, 85, 100, 14031])
def test_what_does_not_pass_is_not(code: int) -> None:
    def step(attempt: int) -> None:
        assert attempt == 0
        raise OperationFailure("", code)

    with pytest.raises(OperationFailure):
        retry_transient(step)


def away(_: int) -> None:
    raise AutoReconnect


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "PATIENCE", 0.3)
    with pytest.raises(TargetError, match="connection_lost"):
        retry_transient(away)


def test_a_stopped_run_does_not_wait() -> None:
    stop = Event()
    Timer(0.2, stop.set).start()
    with pytest.raises(TargetError, match="stopped"):
        retry_transient(away, stop)


def test_only_two_codes_blame_a_document() -> None:
    blamed = [{"index": 0, "code": 11000}, {"index": 3, "code": 121}]
    assert document_errors({"ok": 1, "writeErrors": blamed}, BLAMING) == blamed
    assert document_errors({"ok": 1}, BLAMING) == []
    for reply in ({"writeErrors": [*blamed, {"index": 4, "code": 11602}]}, {"writeConcernError": {"code": 64}}):
        with pytest.raises(TransientError):
            document_errors(reply, BLAMING)
    for reply in (
        {"writeErrors": [*blamed, {"index": 4, "code": 8}]},
        {"writeConcernError": {"code": 79}},
        {"writeErrors": [{"code": 14031}]},
    ):
        with pytest.raises(TargetError, match="write_failed"):
            document_errors(reply, BLAMING)
