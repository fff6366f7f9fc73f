"""The bundled sample site: a fictional metropolitan office with known accessibility faults."""

from .server import Request, SampleSite

__all__ = ["Request", "SampleSite"]
