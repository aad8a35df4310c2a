"""The seal: damage between a stop and the next start is found, wherever it is."""

from __future__ import annotations

import pickle
import random
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from monitored import Program, Site, Traffic
from waiting import until

from operators.plans.model import plan_models
from stream.config.load import load_references
from stream.state.directory import StateError, prepare
from stream.state.rocks_open import REMEDY
from stream.state.rocks_store import RocksStore
from stream.state.seal import SEAL, UNSEALED, broken, seal, unseal

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

FLIPS = 1_000
NOTHING = pickle.dumps(None)


@pytest.fixture(scope="module")
def stopped(embedded_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A monitor that has judged predictions and was stopped."""
    site = Site(tmp_path_factory.mktemp("sealed"), embedded_broker, embedded_broker.topic("predictions"))
    traffic = Traffic(site, int(time.time() * 1e3) - 60_000)
    traffic.write(6)
    with Program(site, 2) as program:
        until(lambda: len(site.read("evaluations")) > 100)
        assert program.terminate() == 0, program.log
    store = RocksStore(site.directory / "state" / "join", 0)
    store.put_stubs((3_600_000, 1), [bytes([0, 0, 0, 0, 0, 0, 1, at]) for at in range(200)], [b"stub" * 9] * 200)
    store.commit(1)
    store.close()
    seal(site.directory / "state")
    return site


def start(site: Site) -> None:
    """What every start does first."""
    config = site.config
    models = plan_models(config.models, load_references(config), config.time, config.alerting, everything=True)
    prepare(config.state, models, config.topics)


def test_a_stop_seals_and_a_start_unseals(embedded_broker: Broker, tmp_path: Path) -> None:
    """The seal is there between the two, and only then: a kill leaves none, and nothing to compare with."""
    site = Site(tmp_path, embedded_broker, embedded_broker.topic("predictions"), evaluations=False)
    found = tmp_path / "state" / SEAL
    for former in range(2):
        with Program(site, 1) as program:
            until(lambda program=program, former=former: program.log.count("reading ") > former)
            assert not found.exists()
            assert program.terminate() == 0, program.log
        assert found.exists()
        assert broken(tmp_path / "state") == ""


def test_every_flipped_bit_is_found(stopped: Site) -> None:
    """A thousand at random, over all bytes of all files: each start is refused, with the file and what to do."""
    directory = stopped.directory / "state"
    files = sorted(
        path
        for path in directory.rglob("*")
        if path.is_file()
        and path.stat().st_size
        and path.parent.name != "history"  # lossy by design: what is damaged there is put aside
        and not any(path.match(name) for name in (*UNSEALED, "*lock"))
    )
    assert {path.suffix for path in files} >= {".json", ".seal", ".sqlite3"}
    rng = random.Random(7)
    places = rng.choices(files, [path.stat().st_size for path in files], k=FLIPS - len(files)) + files
    for path in places:
        content = path.read_bytes()
        at, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        path.write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
        with pytest.raises(StateError, match=r"damaged: .*restore it from a backup") as caught:
            start(stopped)
        assert path.name in str(caught.value)
        path.write_bytes(content)


def snapshots(directory: Path) -> set[tuple[str, str, bytes | None]]:
    """Step, key and bytes of every snapshot in the recovery files, but for those that hold nothing."""
    found: set[tuple[str, str, bytes | None]] = set()
    for path in sorted(directory.glob("*.sqlite3")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as recovery:
            found |= set(
                recovery.execute("SELECT step_id, state_key, ser_change FROM snaps WHERE length(ser_change) > 9")
            )
    return found


def test_after_a_kill_a_flipped_bit_of_a_snapshot_is_found(stopped: Site) -> None:
    """Without a seal the checksums of the snapshots must do: what is not refused gives no step another state."""
    directory = stopped.directory / "state"
    unseal(directory)
    before = snapshots(directory)
    files = [path for path in sorted(directory.glob("*.sqlite3")) if path.stat().st_size]
    rng = random.Random(8)
    refused = 0
    for path in rng.choices(files, [path.stat().st_size for path in files], k=FLIPS // 4):
        content = path.read_bytes()
        at, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        path.write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
        try:
            start(stopped)
        except StateError:
            refused += 1
        else:
            assert snapshots(directory) <= before, (path.name, at)
        path.write_bytes(content)
    assert refused > 0  # most of a small file is free space, and belongs to nothing
    seal(directory)


def test_a_file_that_is_gone_is_missed(stopped: Site) -> None:
    """By its name."""
    directory = stopped.directory / "state"
    path = next(path for path in (directory / "join").rglob("MANIFEST*"))
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(StateError, match=f"{path.name} is missing"):
        start(stopped)
    path.write_bytes(content)


def test_a_seal_that_was_removed_is_no_damage(stopped: Site) -> None:
    """Somebody who changed files on purpose says so in this way."""
    unseal(stopped.directory / "state")
    start(stopped)
    seal(stopped.directory / "state")


def test_a_damaged_block_of_the_join_store_is_told_when_it_is_read(tmp_path: Path) -> None:
    """Nothing is sealed after a kill: the store's checksums find it, and it is said what to do, once."""
    count = 3_000
    keys = [at.to_bytes(8, "big") for at in range(count)]
    store = RocksStore(tmp_path, 0)
    store.put_stubs((3_600_000, 1), keys, [random.Random(at).randbytes(40) for at in range(count)])
    store.commit(1)
    store.compact()
    store.close()
    table = max((tmp_path / "shard-00").glob("*.sst"), key=lambda path: path.stat().st_size)
    content = bytearray(table.read_bytes())
    content[len(content) // 3] ^= 4
    table.write_bytes(content)
    with pytest.raises(StateError, match=r"shard-00: damaged: .*Corruption") as caught:
        RocksStore(tmp_path, 0).stubs(keys, [(3_600_000, 1)])
    assert REMEDY in str(caught.value)
