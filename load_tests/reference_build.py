"""How fast and in how much memory `driftgauge reference build` profiles rows x features of Parquet.

    python load_tests/reference_build.py --rows 10000000 --features 20

The rows are generated in chunks (four fifths numeric: normal, log-normal, zero-inflated counts; one fifth categorical),
the build runs in a process of its own, and the file is deleted afterwards. Prints rows/s and the peak resident memory.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK = 250_000
CITIES = np.array([f"city-{number:03d}" for number in range(300)])
CONFIG = """
models:
  - name: load
    task: binary
    segments: [c0]
"""


def chunk(random: np.random.Generator, first: int, rows: int, features: int) -> pa.Table:
    """The rows from `first` on."""
    categorical = features // 5
    columns: dict[str, object] = {}
    for number in range(features - categorical):
        normal = random.standard_normal(rows)
        shapes = (normal, np.exp(normal), np.maximum(np.floor(normal * 3), 0.0))
        columns[f"x{number}"] = shapes[number % 3]
    for number in range(categorical):
        cardinality = (4, 40, 300)[number % 3]
        picked = (random.random(rows) ** 2 * cardinality).astype(np.int32)
        columns[f"c{number}"] = pa.DictionaryArray.from_arrays(picked, CITIES[:cardinality])
    columns["prediction"] = random.beta(2, 5, rows)
    columns["latency_ms"] = random.lognormal(3, 0.5, rows)
    columns["timestamp"] = 1_700_000_000_000 + np.arange(first, first + rows) // 2
    return pa.table(columns)


def generate(path: Path, rows: int, features: int) -> None:
    """Write the file chunk by chunk."""
    random = np.random.default_rng(7)
    writer: pq.ParquetWriter | None = None
    for first in range(0, rows, CHUNK):
        table = chunk(random, first, min(CHUNK, rows - first), features)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=1_000_000)
    if writer is not None:
        writer.close()


def main() -> None:
    """Generate, build, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--features", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        data, config, output = place / "rows.parquet", place / "driftgauge.yaml", place / "load.reference.json"
        config.write_text(CONFIG)
        generate(data, arguments.rows, arguments.features)
        size = data.stat().st_size
        command = [sys.executable, "-m", "stream.cli.app", "reference", "build", "--config", str(config)]
        started = time.perf_counter()
        subprocess.run([*command, "--model", "load", "--from", str(data), "-o", str(output)], check=True)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        print(f"{'rows':>12} {'features':>9} {'file MB':>9} {'seconds':>9} {'rows/s':>10} {'peak RSS MB':>12}")
        rate = arguments.rows / seconds
        print(
            f"{arguments.rows:>12,} {arguments.features:>9} {size / 1e6:>9,.0f} {seconds:>9.1f} {rate:>10,.0f} "
            f"{peak / 1e6:>12,.0f}"
        )


if __name__ == "__main__":
    main()
