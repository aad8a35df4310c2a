"""Fixtures for all tests; the broker harness is shared with the load tests."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
for place in (ROOT / "load_tests", ROOT / "tests"):
    if str(place) not in sys.path:
        sys.path.append(str(place))

from brokers import broker, embedded_broker, free_port, kafka_node, real_broker  # noqa: E402  the path comes first
from hypothesis import HealthCheck, settings  # noqa: E402  likewise

# How long an example takes says more about the machine than about the code; and a change must not fail by an example
# that another change would have met: HYPOTHESIS_PROFILE=search looks for new ones.
_PATIENT = (HealthCheck.too_slow,)
settings.register_profile("driftgauge", deadline=None, derandomize=True, suppress_health_check=_PATIENT)
settings.register_profile("search", deadline=None, suppress_health_check=_PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "driftgauge"))

__all__ = ["broker", "embedded_broker", "free_port", "kafka_node", "real_broker"]
