"""Serve over HTTP: a network by the Open Inference Protocol, version 2; a voice as OpenAI. Needs the extra `serve`."""

from apus.serve.app import create_app
from apus.serve.limits import Limits

__all__ = ["Limits", "create_app"]
