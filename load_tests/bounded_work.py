"""CPU time of what the tests bound by counting: config files at their limits, simulated predictions.

A config that is refused costs some tenths of a second at most, whatever it holds; the largest one that is read, about a
second; and one process simulates 50,000 predictions of ten features a second with room to spare.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import machine

from stream.config.problems import ConfigError
from stream.config.yaml_file import MAX_BYTES, MAX_NODES, read_yaml
from stream.demo.reference import click_reference
from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PREDICTIONS = 50_000
ROUNDS = 3


def configs() -> dict[str, str]:
    """What a file may hold at worst, by name."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )
    return {
        "aliases of aliases": bomb,
        "400,000 brackets": "[" * 400_000,
        f"{2 * MAX_NODES:,} values": f"a: [{'x,' * 2 * MAX_NODES}]",
        f"more than {MAX_BYTES:,} bytes": f"a: [{'x, ' * MAX_BYTES}]",
        "29,000 keys, which are read": "a:\n" + "".join(f"  key{at:06d}: {'v' * 18}\n" for at in range(29_000)),
    }


def cost(action: Callable[[], Any]) -> float:
    """The least CPU time of some rounds, in seconds."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        action()
        spent.append(time.process_time() - began)
    return min(spent)


def _read(path: Path) -> None:
    try:
        read_yaml(path)
    except ConfigError:
        return


def main() -> None:
    """Measure and print each."""
    machine.show()
    print(f"\n{'config':32}{'CPU s':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in configs().items():
            path = Path(scratch, "c.yaml")
            path.write_text(text)
            print(f"{name:32}{cost(lambda path=path: _read(path)):8.3f}")
    generator = Generator(click_reference(pane=10_000))
    spent = cost(lambda: generator.encode(generator.batch(PREDICTIONS, 0, 1_000)))
    print(f"\n{PREDICTIONS:,} predictions drawn and encoded: {spent:.3f} CPU s, {PREDICTIONS / spent:,.0f}/s")


if __name__ == "__main__":
    main()
