"""Lies on the path of `neuroflare job run job.py` alone: the simulator that nvflare starts for a job is neuroflare's.

nvflare runs `python -m nvflare.private.fed.app.simulator.simulator JOB -w WORKSPACE -n 2 -t 2`; of its package this one module is replaced.
"""

import importlib.abc
import importlib.util
import os
import sys

SIMULATOR = "nvflare.private.fed.app.simulator.simulator"
_HERE = os.path.dirname(os.path.abspath(__file__))


class _Simulator(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != SIMULATOR:
            return None
        return importlib.util.spec_from_file_location(name, os.path.join(_HERE, "neuroflare_simulator.py"))


sys.meta_path.insert(0, _Simulator())

# The one of this Python, which ours stands in front of.
sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != _HERE]
_own = sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # noqa: F401
except ImportError:
    sys.modules["sitecustomize"] = _own
