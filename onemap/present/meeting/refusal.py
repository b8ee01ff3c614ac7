"""What the meeting page refuses: a text key and an HTTP status, never the text of an exception."""

from __future__ import annotations


class Refusal(Exception):
    """Something that was sent cannot be used; ``key`` names what the sender reads.

    >>> Refusal("far", km="600").key
    'meeting.error.far'
    """

    def __init__(self, key: str, status: int = 422, **values: str):
        self.word, self.key, self.status, self.values = key, f"meeting.error.{key}", status, values
        super().__init__(self.key)
