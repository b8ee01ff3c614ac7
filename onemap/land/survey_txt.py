"""The 勘测定界 text of boundary points."""

from pathlib import Path

from onemap.errors import InputError


def read_survey_txt(path: Path, encoding: str | None = None):
    """Not read yet."""
    raise InputError("survey text is not read yet", where=path.name)
