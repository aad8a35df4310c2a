# Types of driftgauge-native; the models are `ToldModel` of `operators.intake.native`.

from typing import Any, final

import numpy as np
import numpy.typing as npt

INTERFACE: int
__version__: str

@final
class Rows:
    @property
    def model(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def versions(self) -> list[str]: ...
    @property
    def version(self) -> npt.NDArray[np.int64]: ...
    @property
    def numeric(self) -> npt.NDArray[np.float64]: ...
    @property
    def categorical(self) -> npt.NDArray[np.int64]: ...
    @property
    def segments(self) -> npt.NDArray[np.int64]: ...
    @property
    def latency(self) -> npt.NDArray[np.float64]: ...
    @property
    def failed(self) -> npt.NDArray[np.bool_] | None: ...
    @property
    def ids(self) -> list[Any] | None: ...
    @property
    def predictions(self) -> list[Any] | None: ...
    @property
    def probabilities(self) -> npt.NDArray[np.float64] | None: ...
    @property
    def listed(self) -> npt.NDArray[np.bool_] | None: ...

@final
class Decoder:
    def __init__(self, models: list[Any], max_ahead: int, largest: int) -> None: ...
    def decode(
        self, values: tuple[bytes | None, ...], written: list[int] | None, received: int
    ) -> tuple[list[Rows], npt.NDArray[np.int64], npt.NDArray[np.int64]] | None: ...

@final
class Folder:
    def __init__(
        self,
        numeric: list[tuple[list[float], int, float, float]],
        categorical: list[int],
        rows: int,
        moments: int,
        size: int,
        whole: tuple[int, int, int, list[float], list[list[str]], str] | None = None,
    ) -> None: ...
    def fold(
        self,
        numeric: npt.NDArray[np.float64],
        categorical: npt.NDArray[np.int64],
        group_of: npt.NDArray[np.int64],
        groups: int,
    ) -> npt.NDArray[np.int64] | None: ...
    def fold_rows(
        self,
        rows: Rows,
        panes: npt.NDArray[np.int64],
        late: npt.NDArray[np.bool_] | None,
        most: int,
    ) -> dict[tuple[int, str, str], npt.NDArray[np.int64]] | None: ...
