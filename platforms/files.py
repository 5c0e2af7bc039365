"""Writing output files."""

from acadl.files import write_text as write_text
