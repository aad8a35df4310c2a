from factories import batch, click_layout, record

from operators.intake.account import Account, AccountState, Balance, Entry, entry_of
from operators.intake.decode import Decode, DecodeConfig


def test_an_entry_counts_what_was_read_and_rejected() -> None:
    """Every dead letter is under its reason, and all records of all messages are read."""
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000))
    decoded = decode(batch([record(), record() + b"\n" + record(), b"{", b"}", None], partition=2, partitions=3))
    assert entry_of(decoded) == Entry("predictions", 2, 6, {"broken_json": 2, "empty": 1})


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
