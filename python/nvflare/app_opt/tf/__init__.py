"""What is not here comes from an installed nvflare, if there is one."""

__path__ = __import__("pkgutil").extend_path(__path__, __name__)
