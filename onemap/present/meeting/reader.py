"""Files from outside are read in a process of their own, which may hang, grow or die without harm to the page.

Chosen 2026 against limits inside the server (a thread cannot be ended, and a driver's memory is the server's own) and
against a process per file (two seconds of start-up each): one process stands ready, is ended by force when it takes too
long, and the next file finds a new one.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
import threading
from pathlib import Path
from typing import Any

import pyproj
import shapely

from onemap.errors import InputError
from onemap.land.parcels import Sites
from onemap.present.meeting import intake
from onemap.present.meeting.refusal import Refusal

SECONDS = 20.0
MEGABYTES = 1024
STARTING_S = 60.0
JOBS = {"upload": intake.read_upload, "text": intake.read_text}


class Reader:
    """A process that reads uploads and pasted texts; ``seconds`` and ``megabytes`` bound each of them.

    Memory and the size of written files are bounded by the system (POSIX only; elsewhere only time is).
    """

    def __init__(self, crs: Any, catalogue: Any, seconds: float = SECONDS, megabytes: int = MEGABYTES):
        self._given = (crs, catalogue, megabytes)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: Any = None
        self._used = False

    def read(self, job: str, *sent: Any) -> Sites:
        """The sites of an upload (data, kind, stated CRS) or a text (text, stated CRS).

        Raises Refusal: what the reading refuses, ``long`` when it takes too long, ``heavy`` when it ends the process.
        """
        with self._lock:
            used = self._start()
            kind, found = self._ask(job, sent)
            if used and kind in (
                "spent",
                "ended",
            ):  # what it read before may be to blame: a fresh one decides
                self._start()
                kind, found = self._ask(job, sent)
        if kind == "ended":
            raise Refusal("heavy") from found
        if kind in ("refused", "spent"):
            key, status, values = found
            raise Refusal(key, status, **values)
        return found

    def _ask(self, job: str, sent: tuple) -> tuple[str, Any]:
        """What the process says, or ``ended`` and the error that told of it; one that is no more use is ended."""
        try:
            if not self._link.poll(STARTING_S) or self._link.recv() != "ready":
                raise Refusal("internal", 500)
            self._link.send((job, sent))
            if not self._link.poll(self._seconds):
                raise Refusal("long", 422, seconds=f"{self._seconds:g}")
            kind, found = self._link.recv()
        except (EOFError, OSError) as error:
            self._end()
            return "ended", error
        except Refusal:
            self._end()
            raise
        self._used = True
        if kind == "spent":
            self._end()
        return kind, found

    def start(self) -> None:
        """Start the process ahead of the first file."""
        with self._lock:
            self._start()

    def stop(self) -> None:
        """End the process; it starts again when it is asked for."""
        with self._lock:
            self._end()

    def _start(self) -> bool:
        """Have a process stand ready; returns whether it has read something before."""
        if self._process is not None and self._process.is_alive():
            return self._used
        self._end()
        spawn = multiprocessing.get_context("spawn")
        self._folder = tempfile.TemporaryDirectory(prefix="onemap-reader-", ignore_cleanup_errors=True)
        self._link, theirs = spawn.Pipe()
        self._process = spawn.Process(
            target=_stand, args=(theirs, self._folder.name, *self._given), daemon=True, name="reader"
        )
        self._process.start()
        self._used = False
        theirs.close()
        return False

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.join()
        self._link.close()
        self._folder.cleanup()
        self._process = None


def _stand(link: Any, folder: str, crs: Any, catalogue: Any, megabytes: int) -> None:
    """What the process does: say that it is ready, read one thing, send it back, again and again."""
    tempfile.tempdir = folder
    _warm(crs, catalogue)
    _bound(megabytes << 20)
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            link.send("ready")
            job, sent = link.recv()
            link.send(_outcome(job, sent, crs, catalogue))


def _outcome(job: str, sent: tuple, crs: Any, catalogue: Any) -> tuple[str, Any]:
    """What came of one thing: ``read``, ``refused``, or ``spent`` after an error that nobody foresaw, such as want of
    memory, which the next thing should not meet."""
    *body, stated = sent
    try:
        return "read", JOBS[job](*body, crs, catalogue, stated)
    except MemoryError:
        raise SystemExit(1) from None
    except Refusal as refusal:
        foreseen = refusal.__cause__ is None or isinstance(refusal.__cause__, InputError)
        return "refused" if foreseen else "spent", (refusal.word, refusal.status, refusal.values)


def _warm(crs: pyproj.CRS, catalogue: Any) -> None:
    """Read a square of 100 m in the middle of where the CRS is used: what every reading loads and sets aside once
    (LAPACK's buffers, threads, libraries) is not counted against the first file."""
    with contextlib.suppress(Refusal, pyproj.exceptions.ProjError):
        area = pyproj.CRS(crs).area_of_use
        if area is not None:
            place = ((area.west + area.east) / 2, (area.south + area.north) / 2)
            east, north = pyproj.Transformer.from_crs(
                intake.LONLAT, crs, always_xy=True, allow_ballpark=False
            ).transform(*place)
            square = shapely.box(east - 50, north - 50, east + 50, north + 50)
            intake.read_shape(square, crs, crs, catalogue, {})


def _bound(more: int) -> None:
    """Let this process take this many bytes more than it has, and write no larger file."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (more, more))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    statm = Path("/proc/self/statm")
    now = int(statm.read_text(encoding="ascii").split()[0]) * resource.getpagesize() if statm.exists() else 0
    resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))
