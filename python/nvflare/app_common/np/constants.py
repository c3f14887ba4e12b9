"""Names of arrays of jobs for numpy."""


class NPConstants:
    NUMPY_KEY = "numpy_key"
