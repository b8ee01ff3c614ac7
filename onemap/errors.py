"""What a caller did wrong, said so that he can mend it."""


class InputError(Exception):
    """A mistake in what the user gave: says what, where, and how to mend it.

    >>> print(InputError("unknown field 'pth'", where="onemap.yaml:4", mend="did you mean 'path'?"))
    onemap.yaml:4: unknown field 'pth'; did you mean 'path'?
    """

    def __init__(self, what: str, *, where: str = "", mend: str = ""):
        self.what, self.where, self.mend = what, where, mend
        super().__init__((f"{where}: " if where else "") + what + (f"; {mend}" if mend else ""))

    def __reduce__(self):
        return _rebuild, (type(self), self.what, self.where, self.mend)


class CRSError(InputError):
    """Coordinates whose reference system is unknown, ambiguous or not reachable without parameters."""


def _rebuild(kind, what, where, mend):
    return kind(what, where=where, mend=mend)
