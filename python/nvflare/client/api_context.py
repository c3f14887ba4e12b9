"""One use of the Client API in a process."""

from .context import Context as APIContext

__all__ = ["APIContext"]
