"""The files of the voice `apus`; `apus.speech` finds them here."""
