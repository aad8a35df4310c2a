"""Which worker gets a key: Bytewax 0.21.1 hashes it with Rust's DefaultHasher (SipHash-1-3, keys 0 and 0).

That is a detail of its implementation, to which a test holds this at every upgrade.
"""

_MASK = (1 << 64) - 1
_FIRST = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def owner(key: str, workers: int) -> int:
    """Number of the worker that runs keyed steps for this key."""
    return _siphash(key.encode() + b"\xff") % workers  # the byte with which Rust ends a text


def _siphash(data: bytes) -> int:
    a, b, c, d = _FIRST
    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, whole, 8)]
    words.append((len(data) & 0xFF) << 56 | int.from_bytes(data[whole:], "little"))
    for word in words:
        a, b, c, d = _mix(a, b, c, d ^ word)
        a ^= word
    c ^= 0xFF
    for _ in range(3):
        a, b, c, d = _mix(a, b, c, d)
    return a ^ b ^ c ^ d


def _mix(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    a = (a + b) & _MASK
    b = _rotate(b, 13) ^ a
    a = _rotate(a, 32)
    c = (c + d) & _MASK
    d = _rotate(d, 16) ^ c
    a = (a + d) & _MASK
    d = _rotate(d, 21) ^ a
    c = (c + b) & _MASK
    b = _rotate(b, 17) ^ c
    return a, b, _rotate(c, 32), d


def _rotate(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & _MASK
