import pickle
import subprocess
import sys

import numpy as np

from operators.judging.opinions import WARM_UP, Detectors, load

LOADED = """
import sys
from operators.judging.opinions import load
classes = load()
print([name for name in ("pandas", "sklearn", "scipy.stats", "river.drift") if name in sys.modules])
from river import drift
print(classes == (drift.ADWIN, drift.PageHinkley), load() == classes)
"""


def test_detectors_come_without_what_the_package_around_them_brings() -> None:
    """Data sets for a manual are a second and 120 MB; whoever asks for the package itself has it whole."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True True"]


def test_detectors_go_on_from_their_pickled_state() -> None:
    """Their classes are found where the pickle says they are."""
    load()
    rng = np.random.default_rng(3)
    errors = [*rng.normal(0.2, 0.01, WARM_UP + 40).tolist(), *rng.normal(0.4, 0.01, 60).tolist()]
    whole, stopped, heard = Detectors(), Detectors(), []
    for error in errors:
        stopped = pickle.loads(pickle.dumps(stopped))
        heard.append(whole.see(error))
        assert stopped.see(error) == heard[-1]
    assert any(opinion.changed for both in heard for opinion in both)
