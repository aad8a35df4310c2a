import json
import logging
import re
import sys

from stream.logs import LineFormatter


def line(message: str, *args: object, error: bool = False) -> str:
    """A formatted record, with a trace if asked for; `hunter2` is a secret."""
    info = None
    if error:
        try:
            int(message)
        except ValueError:
            info = sys.exc_info()
    record = logging.LogRecord("driftgauge.worker", logging.ERROR, "file", 1, message, args, info)
    record.created, record.msecs = 1_700_000_000.25, 250.0
    return LineFormatter("worker-1", lambda text: text.replace("hunter2", "***")).format(record)


def test_an_event_is_one_line_of_keys_and_values() -> None:
    """Time in UTC with milliseconds, level, process, logger, quoted message."""
    assert line("read %d records", 3) == (
        'ts=2023-11-14T22:13:20.250Z level=error process=worker-1 logger=worker msg="read 3 records"'
    )


def test_lines_and_quotes_in_a_message_stay_inside_it() -> None:
    """A message cannot forge a second event."""
    text = line('a "quoted"\nts=2099 level=info')
    assert "\n" not in text
    assert json.loads(re.findall(r"msg=(.*)$", text)[0]) == 'a "quoted"\nts=2099 level=info'


def test_secrets_are_in_neither_message_nor_trace() -> None:
    """Both are redacted."""
    text = line("password hunter2", error=True)
    assert "hunter2" not in text
    assert text.count("***") >= 2
    assert "ValueError" in text
