"""Text to audio at run time: front-end, voice, streaming. No torch. Needs the extra `speech`."""

from apus.speech.voice import Chunk, Voice

__all__ = ["Chunk", "Voice"]
