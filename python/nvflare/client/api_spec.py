"""The abstract Client API of nvflare is not part of what neuroflare runs; the name stands here for type hints."""

CLIENT_API_KEY = "CLIENT_API"


class APISpec:
    pass
