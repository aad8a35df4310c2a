"""What real clusters do to a monitor: every fault that was tried on one, and what holds it to be without harm.

    python load_tests/real_clusters.py [--run] [--under COMMAND]

Prints each fault with the tests, and the faults of `faults.py`, that do it again. With --run the tests are run, on a
real broker, and then `faults.py` with those faults; exit 1 when anything fails. tests/test_real_clusters.py sees that
all of them are there.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Tried:
    """Something that was done to a monitor.

    Attributes:
        what: in words.
        tests: that do it again: file below tests/, and the function.
        faults: of `faults.py`, by name.
    """

    what: str
    tests: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


KAFKA, WORKERS, STATE, HTTP = "stream/kafka", "stream/workers", "stream/state", "stream/http"
ODD, RIGHTS = "stream/test_cluster_oddities.py", "stream/test_rights.py"

FELL_SHORT = (
    Tried(
        "an open transaction, or one of a producer that died in it, is no silence and makes nothing late",
        (
            f"{KAFKA}/test_transactions.py::test_an_open_transaction_is_not_silence",
            f"{KAFKA}/test_transactions.py::test_transactions_that_follow_each_other_make_nothing_late",
        ),
        ("transaction",),
    ),
    Tried(
        "a topic deleted and made again, shorter or longer, and another cluster, are read from the oldest message",
        (
            f"{KAFKA}/test_origins.py::test_a_topic_made_again_is_read_from_its_oldest_message",
            f"{KAFKA}/test_origins.py::test_a_topic_made_again_while_it_is_read_is_read_from_its_oldest_message",
            f"{KAFKA}/test_origins.py::test_another_cluster_is_read_from_its_oldest_message",
        ),
    ),
    Tried(
        "more partitions under traffic make nothing late",
        (
            f"{KAFKA}/test_more_partitions.py::test_what_new_partitions_bring_under_traffic_is_not_late",
            f"{KAFKA}/test_more_partitions.py::test_what_the_first_of_two_topics_grows_by_makes_nothing_late_in_the_second",
        ),
    ),
    Tried(
        "time before the first start is no silence, of rare predictions and of a hundred models over an empty topic",
        (
            f"{KAFKA}/test_watched.py::test_time_before_the_first_start_is_no_silence",
            f"{KAFKA}/test_watched.py::test_a_model_with_rare_predictions_is_not_called_silent_at_its_first_start",
            f"{KAFKA}/test_watched.py::test_no_model_of_many_is_called_silent_at_the_first_start",
        ),
    ),
    Tried(
        "a worker that is frozen or stuck is not ready, and is replaced",
        (
            f"{WORKERS}/test_hang.py::test_a_frozen_process_is_not_ready_and_replaced",
            f"{WORKERS}/test_hang.py::test_a_stuck_dataflow_is_not_ready_and_replaced",
        ),
        ("worker frozen", "broker frozen"),
    ),
    Tried(
        "a hundred thousand versions cost what one does (figures: versions.py)",
        (
            "operators/predictions/test_version_caps.py::test_a_batch_of_many_versions_makes_no_sketch_of_each",
            "operators/predictions/test_version_caps.py::test_naming_late_folds_to_what_naming_early_does",
            "operators/predictions/test_version_caps.py::test_late_records_of_many_versions_are_counted",
        ),
    ),
    Tried(
        "a flipped bit in any file of the state, after a stop and after a kill, is never believed",
        (
            f"{STATE}/test_seal.py::test_every_flipped_bit_is_found",
            f"{STATE}/test_seal.py::test_after_a_kill_a_flipped_bit_of_a_snapshot_is_found",
            "stream/push/test_push_board.py::test_a_flipped_bit_of_the_memory_is_never_believed",
        ),
        ("bit flipped",),
    ),
    Tried(
        "a damaged block of the label store is told once, with what to do",
        (f"{STATE}/test_seal.py::test_a_damaged_block_of_the_join_store_is_told_when_it_is_read",),
    ),
    Tried(
        "an Alertmanager's address that answers 200 with a page took no alert",
        ("deploy/test_push.py::test_a_page_is_no_answer_of_an_alertmanager",),
    ),
    Tried(
        "an alerts topic that is deleted while the monitor runs is told before an alert is lost",
        (f"{KAFKA}/test_output_topics.py::test_an_alerts_topic_that_is_gone_is_told_before_an_alert_is_lost",),
    ),
    Tried(
        "an alerts topic that takes no event is refused at the start",
        (f"{KAFKA}/test_output_topics.py::test_an_alerts_topic_that_takes_no_alerts_is_refused",),
    ),
    Tried(
        "the alerts of a model that is taken out end and say why",
        (f"{WORKERS}/test_removed_model.py::test_the_alerts_of_a_removed_model_end_and_say_why",),
    ),
    Tried(
        "after a restart a quiet topic is ready",
        (f"{KAFKA}/test_watched.py::test_after_a_restart_a_quiet_topic_is_ready",),
    ),
    Tried(
        "a refused edit of `performance:` is named by its key",
        (f"{STATE}/test_state_directory.py::test_waiting_labels_are_given_up_with_the_windows_alone",),
    ),
    Tried("SIGHUP ends nothing", (f"{WORKERS}/test_hangup.py::test_a_hangup_ends_nothing",), ("SIGHUP",)),
)
"""What once did harm."""

HOLDS = (
    Tried(
        "retention past the offset, stopped and running: a gap that is told, on at the oldest",
        (
            f"{WORKERS}/test_monitor.py::test_a_gap_is_told_and_passed",
            f"{ODD}::test_records_that_are_dropped_before_a_slow_reader_are_a_gap_that_is_told",
        ),
    ),
    Tried(
        "a compacted topic with tombstones",
        (f"{ODD}::test_tombstones_of_a_compacted_topic_are_skipped_and_nothing_else_is_lost",),
    ),
    Tried("LogAppendTime, no time in records", (f"{ODD}::test_records_without_a_time_have_that_of_the_broker",)),
    Tried(
        "CreateTime of 1 ms, an hour and a year ago, a year ahead, the year 9999, the last there is",
        (f"{ODD}::test_records_of_impossible_times_harm_no_others",),
    ),
    Tried(
        "a producer's clock an hour back",
        (f"{ODD}::test_an_hour_that_a_producers_clock_goes_back_is_late_and_all_else_counts",),
    ),
    Tried(
        "the right to write taken away, also while an alert begins",
        (
            f"{ODD}::test_the_right_to_write_is_missed_before_a_record_is_lost",
            f"{RIGHTS}::test_an_alert_that_begins_while_alerts_may_not_be_written_is_written_once",
        ),
    ),
    Tried(
        "the right to read taken away, or to see the topic at all; missing at a start",
        (
            f"{RIGHTS}::test_predictions_that_may_not_be_read_are_read_once_they_may",
            f"{RIGHTS}::test_a_start_waits_for_the_right_to_read",
        ),
    ),
    Tried(
        "ids, categories, versions and labels of 10 kB",
        (
            "stream/test_long_names.py::test_names_of_10_kilobytes_are_names",
            "stream/test_long_names.py::test_an_id_too_long_to_be_joined_by_is_told",
            "stream/test_long_names.py::test_a_label_as_long_as_a_document_is_refused_and_harms_no_other",
        ),
    ),
    Tried(
        "a recovery file truncated, emptied, missing",
        (
            f"{STATE}/test_state_directory.py::test_a_truncated_recovery_file_is_refused",
            f"{STATE}/test_state_directory.py::test_a_missing_recovery_file_is_refused",
            f"{WORKERS}/test_hosts_start.py::test_hosts_that_keep_nothing_start_as_one",
        ),
    ),
    Tried(
        "RocksDB's manifest truncated, a file of it missing",
        (f"{STATE}/test_rocks_store.py::test_a_damaged_shard_is_refused",),
    ),
    Tried(
        "the state copied, and put back",
        (f"{WORKERS}/test_monitor.py::test_two_processes_find_what_one_finds",),
        ("state restored",),
    ),
    Tried(
        "recovery files and directory immutable for a while; the disk full",
        (
            f"{WORKERS}/test_accepted_changes.py::test_state_that_cannot_be_written_for_a_while_costs_no_record",
            "stream/test_disk_full.py::test_a_full_disk_is_waited_out_and_costs_no_record",
        ),
    ),
    Tried(
        "what of a config does not fit the state is refused, with its key; the rest is taken, and alerts go on",
        (
            f"{STATE}/test_state_directory.py::test_what_would_misread_the_state_is_refused",
            f"{WORKERS}/test_monitor.py::test_a_state_that_does_not_fit_is_refused_in_one_line",
            f"{WORKERS}/test_accepted_changes.py::test_an_alert_goes_on_whatever_of_the_config_may_change",
        ),
    ),
    Tried(
        "more and fewer processes",
        (f"{WORKERS}/test_monitor.py::test_two_processes_find_what_one_finds",),
        ("SIGTERM",),
    ),
    Tried(
        "a second monitor on the same state",
        (f"{STATE}/test_state_lock.py::test_a_second_driftgauge_on_the_same_state_is_refused",),
    ),
    Tried(
        "two monitors with a state each on one topic write the same",
        (f"{WORKERS}/test_hosts.py::test_three_hosts_write_what_one_does",),
        ("shift",),
    ),
    Tried(
        "SIGTERM and SIGINT at any moment of a start, in a backlog, with a broker that is frozen",
        (f"{WORKERS}/test_stops.py::test_whenever_a_stop_comes_the_backlog_is_read_once",),
        ("SIGTERM",),
    ),
    Tried(
        "malformed requests, clients that say nothing, drip, or do not take their answer",
        (
            f"{HTTP}/test_http_malformed.py::test_a_malformed_request_is_answered_and_harms_nobody",
            f"{HTTP}/test_http.py::test_clients_that_say_nothing_do_not_keep_others_out",
            f"{HTTP}/test_http.py::test_clients_that_drip_keep_nobody_out",
            f"{HTTP}/test_http.py::test_clients_that_do_not_take_their_answer_lose_their_place",
            f"{HTTP}/test_http_access.py::test_only_who_knows_the_secret_sees_metrics",
        ),
    ),
    Tried(
        "a certificate that is garbage, gone, renewed",
        (f"{HTTP}/test_http_tls.py::test_a_renewed_certificate_is_used_without_a_restart",),
    ),
    Tried(
        "an Alertmanager that is away, refuses, drips",
        (
            "deploy/test_push.py::test_one_of_two_is_down",
            "deploy/test_push.py::test_a_request_that_is_refused_keeps_no_other_back",
            "deploy/test_push.py::test_an_answer_that_drips_is_cut_off",
        ),
    ),
    Tried(
        "labels of ids that nobody knows, thirty times as many as predictions",
        (f"{ODD}::test_labels_of_predictions_that_nobody_made_cost_no_others",),
    ),
)
"""What never did."""


def main() -> None:
    """Show, and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="run all of it")
    parser.add_argument("--under", default="", help="what goes before each command, such as `nice -n 10`")
    options = parser.parse_args()
    for title, tried in (("fell short", FELL_SHORT), ("holds", HOLDS)):
        print(f"\n{title}")
        for one in tried:
            print("\n    ".join([f"  {one.what}", *one.tests, *(f"faults.py: {fault}" for fault in one.faults)]))
    if not options.run:
        return
    every = (*FELL_SHORT, *HOLDS)
    tests = dict.fromkeys(f"tests/{test}" for one in every for test in one.tests)
    faults = dict.fromkeys(fault for one in every for fault in one.faults)
    under = shlex.split(options.under)
    # Files that share a broker among their tests go to one process, as in the suite.
    run = [sys.executable, "-m", "pytest", "-q", "-n", "2", *tests]
    disturb = [sys.executable, "load_tests/faults.py", "--faults", "40", "--only", ",".join(faults)]
    codes = []
    for command in (run, disturb):
        sys.stdout.flush()
        env = {**os.environ, "DRIFTGAUGE_REQUIRE_REAL_BROKER": "1"}
        codes.append(subprocess.run([*under, *command], cwd=ROOT, env=env, check=False).returncode)
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
