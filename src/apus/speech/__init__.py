"""Text to audio at run time: front-end, voice, streaming. No torch."""
