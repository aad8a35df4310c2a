from dataclasses import replace

import pytest
from factories import batch, click_layout, record

from operators.intake.account import Account, AccountState, Balance, Entry, entry_of
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.halves import Halve
from operators.settings.source import SourceSettings


def test_an_entry_counts_what_was_read_and_rejected() -> None:
    """Every dead letter is under its reason, and all records of all messages are read."""
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000))
    decoded = decode(batch([record(), record() + b"\n" + record(), b"{", b"}", None], partition=2, partitions=3))
    assert entry_of(decoded) == Entry("predictions", 2, 5, {"broken_json": 2}, skipped=1, tombstones=1)


def test_balances_add_up() -> None:
    """A balance is the sum of all entries so far; several entries at once make one balance."""
    account = Account("t/1", AccountState())
    first = account([Entry("t", 1, 10, {"empty": 1})])
    assert first == [Balance("t/1", "t", 1, 10, {"empty": 1})]
    later = account([Entry("t", 1, 5, {"empty": 2, "oversized": 1}), Entry("t", 1, 7, {})])
    assert later == [Balance("t/1", "t", 1, 22, {"empty": 3, "oversized": 1})]
    assert first == [Balance("t/1", "t", 1, 10, {"empty": 1})], "what was told does not change"


def test_an_account_continues_from_its_state() -> None:
    """After a restart the counts go on where they were."""
    state = AccountState("t", 1, 100, {"empty": 3})
    assert Account("t/1", state)([Entry("t", 1, 1, {"empty": 1})]) == [Balance("t/1", "t", 1, 101, {"empty": 4})]


FORMS: dict[str, dict[str, object] | None] = {
    "contract": None,
    "map": {"map": {"prediction": "score"}},
    "msgpack": {"format": "msgpack"},
    "columns": {"format": "columns"},
    "preset": {"preset": "mlflow"},
}


@pytest.mark.parametrize("form", FORMS)
def test_messages_without_a_value_are_counted_apart(form: str) -> None:
    """A compacted topic says so that a key is gone: skipped, never a dead letter; no bytes at all are one."""
    found = FORMS[form]
    sources = {} if found is None else {0: SourceSettings.model_validate({"topic": "t", **found})}
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000, sources=sources))
    for values in ([None], [None, b"", None], [None] * 700):
        raw = batch(values)
        entry = entry_of(decode(replace(raw, source=0) if sources else raw))
        gone = values.count(None)
        assert (entry.skipped, entry.tombstones) == (gone, gone)
        assert (entry.read, sum(entry.dead.values())) == (len(values) - gone, len(values) - gone)


def test_requests_without_a_value_are_counted_apart() -> None:
    """Halves are told apart where they are read."""
    source = SourceSettings.model_validate({"topic": "t", "holds": "requests", "preset": "kserve"})
    rest = Halve({0: source}, 5_000, 60_000)(replace(batch([None, b""]), source=0)).rest
    entry = entry_of(rest)
    assert (entry.skipped, entry.tombstones, entry.dead) == (1, 1, {"empty": 1})


def test_tombstones_add_up() -> None:
    """Beside the others that are skipped."""
    account = Account("t/1", AccountState())
    account([Entry("t", 1, 0, {}, 5, tombstones=2)])
    (balance,) = account([Entry("t", 1, 0, {}, 1, tombstones=1)])
    assert (balance.skipped, balance.tombstones) == (6, 3)
