"""`report.json` as one self-contained page: no script, no font, no picture from elsewhere; light and dark."""

from apus.compress.report.page import render, write_html

__all__ = ["render", "write_html"]
