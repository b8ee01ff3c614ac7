"""Run commands one after the other and read what the system says they used."""

from __future__ import annotations

import contextlib
import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SHARED = Path(__file__).resolve().parents[2] / "shared"
PR_SET_CHILD_SUBREAPER = 36
LAYERS = ("land_use", "urban_plan", "farmland", "redline", "urban_bnd", "eval_zones")


class Use(NamedTuple):
    """What one process used: CPU seconds (user and system), wall seconds, peak memory in MB, exit code, last line it printed."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    code: int
    said: str


def run(command: list[str], cwd: Path | None = None) -> Use:
    """Run a command to its end and measure it alone; its children count with it, on Linux also those that outlive it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu = used.ru_utime + used.ru_stime + sum(left_behind())
        out.seek(0)
        lines = out.read().decode("utf-8", "replace").strip().splitlines()
    scale = 1 / 1024 / 1024 if sys.platform == "darwin" else 1 / 1024
    return Use(
        cpu,
        wall,
        used.ru_maxrss * scale,
        process.returncode,
        lines[-1] if lines else "",
    )


def left_behind() -> Iterator[float]:
    """CPU seconds of each process that came to us when the one that started it ended."""
    while True:
        try:
            used = os.wait3(0)[2]
        except ChildProcessError:
            return
        yield used.ru_utime + used.ru_stime


def family_s() -> float:
    """CPU seconds of this process, of its children that ended, and on Linux of all that live below it with theirs."""
    spent = sum(os.times()[:4])
    if sys.platform != "linux":
        return spent
    parents, seconds = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = path.read_text().rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(words[1])
            seconds[int(path.parent.name)] = sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")
    below = {os.getpid()}
    while found := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= found
    return spent + sum(seconds[pid] for pid in below - {os.getpid()})


def city(size: str, folder: str | None) -> Path:
    """The folder of the synthetic city of that size; it is made on first use. Ends the program when it cannot be."""
    if folder:
        return Path(folder.format(size=size))
    path = Path("out/bench") / f"city-{size}"
    if not (path / "stats.csv").exists():
        maker = SHARED / "bench" / "city.py"
        if not maker.exists():
            sys.exit(f"skipped: no city at {path}, and its maker {maker} is not here; use --data FOLDER")
        made = run([sys.executable, str(maker), size, str(path)])
        if made.code:
            sys.exit(f"skipped: the city could not be made ({made.said}); it needs scipy")
    return path


def compare(ways: dict[str, list[str]], repeat: int, ours: str) -> list[tuple]:
    """Run all ways in turn, several times; one row per way: medians, and the median of same-round ratios to ours."""
    uses: dict[str, list[Use]] = {name: [] for name in ways}
    for _ in range(repeat):
        for name, command in ways.items():
            uses[name].append(run(command))
    rows = []
    for name, of_way in uses.items():
        if any(use.code for use in of_way):
            rows.append((name, None, None, None, None, f"failed: {of_way[-1].said}"))
            continue
        ratios = [own.cpu_s / use.cpu_s for own, use in zip(uses[ours], of_way, strict=True)]
        rows.append(
            (
                name,
                statistics.median(use.cpu_s for use in of_way),
                statistics.median(use.wall_s for use in of_way),
                max(use.peak_mb for use in of_way),
                statistics.median(ratios),
                of_way[-1].said,
            )
        )
    return rows


def show(title: str, rows: list[tuple], skipped: list[str]) -> None:
    """Print the table and what was left out."""
    print(f"\n{title}\n")
    print("| way | CPU s | wall s | peak MB | ours / it | what came out |")
    print("|---|---|---|---|---|---|")
    for name, cpu, wall, peak, ratio, said in rows:
        if cpu is None:
            print(f"| {name} | – | – | – | – | {said} |")
        else:
            print(f"| {name} | {cpu:.2f} | {wall:.2f} | {peak:.0f} | {ratio:.2f} | {said} |")
    for line in skipped:
        print(f"skipped: {line}")
