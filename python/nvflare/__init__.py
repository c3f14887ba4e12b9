"""The client side of nvflare for scripts that neuroflare runs. What is not here comes from an installed nvflare, if there is one."""

import importlib.util
import sys

__path__ = __import__("pkgutil").extend_path(__path__, __name__)

# The version whose Client API this follows.
__version__ = "2.9.0"


def __getattr__(name):
    """Names of the installed package's own __init__ (FedJob, FilterType, ...), which ours stands in front of."""
    if name.startswith("__"):
        raise AttributeError(name)
    for folder in __path__[1:]:
        place = folder + "/__init__.py"
        spec = importlib.util.spec_from_file_location("_neuroflare_installed_nvflare", place)
        if spec is None or spec.loader is None:
            continue
        module = sys.modules.get(spec.name) or importlib.util.module_from_spec(spec)
        if spec.name not in sys.modules:
            sys.modules[spec.name] = module
            module.__package__ = "nvflare"
            spec.loader.exec_module(module)
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(
        "module 'nvflare' has no attribute '%s': neuroflare brings the Client API alone; install nvflare for this interpreter" % name
    )
