"""Modules that may be missing."""

import importlib


class LazyImportError(ImportError):
    pass


class _Missing:
    def __init__(self, error):
        self._error = error

    def __getattr__(self, name):
        raise LazyImportError(str(self._error)) from self._error

    def __call__(self, *_args, **_kwargs):
        raise LazyImportError(str(self._error)) from self._error


_TESTS = {
    "==": lambda found, wanted: found == wanted,
    ">=": lambda found, wanted: found >= wanted,
    ">": lambda found, wanted: found > wanted,
    "<": lambda found, wanted: found < wanted,
    "<=": lambda found, wanted: found <= wanted,
}


def _fits(module, op, version):
    if not version or not hasattr(module, "__version__"):
        return True
    wanted = tuple(int(part) for part in version.split("."))
    found = tuple(int(part) for part in module.__version__.split(".")[: len(wanted)])
    return _TESTS[op](found, wanted)


def optional_import(module, op="==", version="", name="", descriptor="{}", allow_namespace_pkg=False):
    """(what was asked for, True), or (something that raises when it is used, False)."""
    asked = "from %s import %s" % (module, name) if name else "import %s" % module
    try:
        found = importlib.import_module(module)
        if not allow_namespace_pkg and getattr(found, "__file__", None) is None and not hasattr(found, "__version__"):
            raise ImportError("%s is a namespace package" % module)
        if not _fits(found, op, version):
            raise ImportError("requires version%s'%s'" % (op, version))
        return (getattr(found, name) if name else found), True
    except Exception as error:
        return _Missing(ImportError(descriptor.format("%s (%s)" % (asked, error)))), False
