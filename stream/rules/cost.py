"""Recording rules of what models cost by what their containers use: no path of its own, only Prometheus.

Of each model with `cost.selector` the CPU, memory and GPU of its containers times the config's prices, over the rate of
its predictions. Basis `usage` is what they used; basis `allocation` what was kept for them where that is more. A
resource without a price is left out; one with a price that no series tells is unknown, and then so is the cost: never
zero. Without traffic the cost a second is there, and that of a prediction is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.rules.parts import Recording, promql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.settings.model import CostSettings
    from stream.config.load import Config

COST = "driftgauge:cost_per_second:rate5m"
COST_PER_PREDICTION = "driftgauge:cost_per_prediction:rate5m"
RESOURCE = "driftgauge:resource_use:rate5m"
PREDICTIONS = "driftgauge:predictions:rate5m"
HOUR = 3_600
GIB = 2**30


def cost_rules(config: Config) -> tuple[Recording, ...]:
    """The rules of every model whose containers are known."""
    return tuple(
        rule
        for model in config.models
        if model.cost is not None and model.cost.selector is not None
        for rule in _model(model.name, model.cost, model.cost.selector)
    )


def _model(name: str, cost: CostSettings, selector: str) -> Iterator[Recording]:
    prices = cost.prices
    priced = [
        (resource, price, used, kept)
        for resource, price, used, kept in (
            ("cpu", prices.cpu_hour / HOUR, _cpu(selector), _requested("cpu", selector)),
            ("memory", prices.memory_gib_hour / HOUR / GIB, _memory(selector), _requested("memory", selector)),
            ("gpu", prices.gpu_hour / HOUR, _gpu(selector), f"count(DCGM_FI_DEV_GPU_UTIL{{{selector}}})"),
        )
        if price > 0
    ]
    if not priced:
        return
    for resource, _, used, kept in priced:
        yield Recording(RESOURCE, used, {"model": name, "resource": resource, "basis": "usage"})
        yield Recording(RESOURCE, _more(used, kept), {"model": name, "resource": resource, "basis": "allocation"})
    of_model = f"model={promql(name)}"
    yield Recording(PREDICTIONS, f"sum(rate(driftgauge_predictions_total{{{of_model}}}[5m]))", {"model": name})
    for basis in ("usage", "allocation"):
        labels = {"model": name, "basis": basis, "currency": cost.currency}
        terms = (
            f'sum({RESOURCE}{{{of_model},resource="{resource}",basis="{basis}"}}) * {price!r}'
            for resource, price, _, _ in priced
        )
        yield Recording(COST, " + ".join(terms), labels)
        rate = f"sum({PREDICTIONS}{{{of_model}}}) > 0"
        yield Recording(COST_PER_PREDICTION, f'sum({COST}{{{of_model},basis="{basis}"}}) / ({rate})', labels)


def _cpu(selector: str) -> str:
    return f'sum(rate(container_cpu_usage_seconds_total{{{selector},container!=""}}[5m]))'


def _memory(selector: str) -> str:
    return f'sum(container_memory_working_set_bytes{{{selector},container!=""}})'


def _gpu(selector: str) -> str:
    return f"sum(DCGM_FI_DEV_GPU_UTIL{{{selector}}}) / 100"


def _requested(resource: str, selector: str) -> str:
    return f'sum(kube_pod_container_resource_requests{{{selector},resource="{resource}"}})'


def _more(used: str, kept: str) -> str:
    """The larger one; what was used where nobody says what is kept."""
    return f"({used} > {kept}) or ({kept} >= {used}) or {used}"
