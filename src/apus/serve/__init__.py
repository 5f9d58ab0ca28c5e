"""Serve a network over HTTP: the Open Inference Protocol, version 2, in JSON. Needs the extra `serve`."""

from apus.serve.app import create_app
from apus.serve.limits import Limits

__all__ = ["Limits", "create_app"]
