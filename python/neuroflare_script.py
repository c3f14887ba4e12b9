"""Runs the script of a site: python neuroflare_script.py SCRIPT [ARGUMENT...]. What ends it is told to neuroflare with file and line."""

import importlib.abc
import importlib.util
import os
import random
import runpy
import sys
import threading
import traceback

import neuroflare_link

OLDEST = (3, 8)
SEED = "NEUROFLARE_SEED"
BUNDLE = "NEUROFLARE_BUNDLE"


class _SeedOnImport(importlib.abc.MetaPathFinder):
    """Seeds libraries as they are imported: nothing is loaded that the script does not load."""

    def __init__(self, seeders):
        self._seeders = dict(seeders)

    def find_spec(self, name, path=None, target=None):
        seeder = self._seeders.pop(name, None)
        if seeder is None:
            return None
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            seeder(module)

        spec.loader.exec_module = exec_module
        return spec


def _seed(seed):
    random.seed(seed)
    seeders = {
        "numpy": lambda numpy: numpy.random.seed(seed),
        "torch": lambda torch: torch.manual_seed(seed),
        "tensorflow": lambda tensorflow: tensorflow.random.set_seed(seed),
    }
    sys.meta_path.insert(0, _SeedOnImport(seeders))


def _place(error):
    """File and line of the job's own code: the innermost frame that is of it."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    own = os.environ.get(BUNDLE, "")
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if own and os.path.abspath(frame.filename).startswith(own + os.sep)]
    last = (inside or frames or [None])[-1]
    return (last.filename, last.lineno) if last else (None, None)


def _tell_failure(error):
    file, line = _place(error)
    neuroflare_link.link().tell(
        {
            "type": "failure",
            "kind": type(error).__name__,
            "message": str(error)[:10000],
            "file": file and os.path.abspath(file),
            "line": line,
            "module": getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None,
            "traceback": "".join(traceback.format_exception(type(error), error, error.__traceback__))[-20000:],
        }
    )


def _thread_failed(args):
    if args.exc_type is SystemExit or args.exc_value is None:
        return
    traceback.print_exception(args.exc_type, args.exc_value, args.exc_traceback)
    _tell_failure(args.exc_value)


def main():
    script, *arguments = sys.argv[1:]
    if sys.version_info < OLDEST:
        raise SystemExit("Python %d.%d or later is needed." % OLDEST)
    neuroflare_link.link()
    threading.excepthook = _thread_failed
    _seed(int(os.environ.get(SEED, "0")))
    sys.argv = [script] + arguments
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    try:
        runpy.run_path(script, run_name="__main__")
    except Exception as error:
        traceback.print_exc()
        _tell_failure(error)
        sys.stdout.flush()
        raise SystemExit(1)


if __name__ == "__main__":
    main()
