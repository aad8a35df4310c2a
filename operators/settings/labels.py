"""Labels of a model: what its alerts carry beside their own, for whoever routes or counts them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

MOST = 8
"""Names of labels, of one model and of all models together: each is one more label of a metric."""

RESERVED = frozenset(
    {
        *("model", "version", "segment", "alert", "severity", "alertname", "service", "via"),
        *("job", "instance", "le", "quantile"),
    }
)
"""What alerts and their metric carry already, and what Prometheus sets itself."""


def _free(name: str) -> str:
    if name in RESERVED or name.startswith("__"):
        taken = f"{name} is taken; a name that alerts do not carry already is needed, such as team"
        raise PydanticCustomError("label", "{taken}", {"taken": taken})
    return name


LabelName = Annotated[str, StringConstraints(max_length=63, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$"), AfterValidator(_free)]
LabelValue = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[^\x00-\x1f\x7f]*$")]
ModelLabels = Annotated[dict[LabelName, LabelValue], Field(max_length=MOST)]
