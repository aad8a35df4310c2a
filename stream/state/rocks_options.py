"""How the RocksDB of the join is set: many small keys, written once, asked for a few times, dropped together.

Measured with 8-byte random keys and values of 40 bytes on one thread of a 2-core machine; load_tests/join_store.py
prints the figures that are left after these choices.
"""

from __future__ import annotations

import functools
import resource

from rocksdict import (
    BlockBasedOptions,
    DBCompactionStyle,
    DBCompressionType,
    IngestExternalFileOptions,
    Options,
    WriteBufferManager,
    WriteOptions,
)

MEMTABLE_BYTES = 64 << 20
"""Unflushed writes in memory, of all shards of a process."""

_RUNS = 8
"""Sorted runs of a bucket before some are merged: a fifth less CPU a stub than with 4, for 0.7 us more a look-up."""

COMPLETE = {"level0_file_num_compaction_trigger": "2"}
"""For a bucket that gets stragglers at most: two runs, the large one and what came after it."""

_STALL = 256
"""Runs at which writing would wait for merging: far away, since a late label can wait better than the dataflow."""


@functools.cache
def shared_memtables() -> WriteBufferManager:
    """The memory for unflushed writes in this process."""
    return WriteBufferManager(MEMTABLE_BYTES, allow_stall=False)


def options() -> Options:
    """For a database, each of its column families, and the files that are taken in."""
    chosen = Options(raw_mode=True)
    chosen.create_if_missing(True)
    chosen.create_missing_column_families(True)
    chosen.set_block_based_table_factory(_tables())
    chosen.set_compression_type(DBCompressionType.lz4())
    _compaction(chosen)
    chosen.set_write_buffer_manager(shared_memtables())
    chosen.set_write_buffer_size(4 << 20)
    chosen.set_arena_block_size(32 << 10)  # the least that a bucket takes of the memory for unflushed writes
    chosen.set_max_total_wal_size(16 << 20)  # what a start has to read again
    chosen.set_max_open_files(_open_files())
    chosen.set_manifest_preallocation_size(64 << 10)
    chosen.set_max_log_file_size(1 << 20)
    chosen.set_keep_log_file_num(2)
    chosen.set_stats_dump_period_sec(0)
    chosen.set_stats_persist_period_sec(0)
    return chosen


def _tables() -> BlockBasedOptions:
    """Filters say no to 99 of 100 absent keys.

    They and the indexes, 1.5 bytes a stub, stay in memory with the open files: 0.35 us a look-up into a merged bucket.
    Cut into pieces that live in a bounded cache it is twice that, and whole in it fifty times, once they do not fit.
    Blocks of data are not cached: keys are random, so hardly one is asked for twice; a hit takes 5 us without a cache,
    7 us with one that is too small, and 4.7 us with one that holds everything. The files are in the page cache.
    """
    tables = BlockBasedOptions()
    tables.disable_cache()
    tables.set_bloom_filter(10, block_based=False)
    tables.set_format_version(6)
    return tables


def _compaction(chosen: Options) -> None:
    """Universal: it rewrites least, and a bucket that is complete is dropped whole."""
    chosen.set_compaction_style(DBCompactionStyle.universal())
    chosen.set_level_zero_file_num_compaction_trigger(_RUNS)
    chosen.set_level_zero_slowdown_writes_trigger(_STALL)
    chosen.set_level_zero_stop_writes_trigger(2 * _STALL)
    chosen.set_max_background_jobs(2)
    chosen.set_bytes_per_sync(1 << 20)


def _open_files() -> int:
    """A share of the process's limit that leaves half of it to others with eight shards in the process."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(32, min(512, limit // 16)) if limit != resource.RLIM_INFINITY else 512


def ingestion() -> IngestExternalFileOptions:
    """A file is linked into the database, not copied."""
    chosen = IngestExternalFileOptions()
    chosen.set_move_files(True)
    return chosen


def synced() -> WriteOptions:
    """A write that outlives the loss of power: 0.3 to 2 ms where ingesting takes 4 ms for the same reason."""
    chosen = WriteOptions()
    chosen.sync = True
    return chosen
