"""Workers that stay for several runs: a death among them costs no task, and what is asked beside them is done."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onemap.engine import hire, run


def own_id(context, task) -> int:
    return os.getpid()


def dies_once(folder: str, task: int) -> int:
    """Kills its own process the first time that it is asked for the third task."""
    flag = Path(folder) / "died"
    if task == 3 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGTERM)
    return task * task


def test_the_same_processes_work_in_every_run():
    with hire(2) as crew:
        first, second = ({o.result for o in run(own_id, range(8), context=None, crew=crew)} for _ in range(2))
    assert first | second == first and len(first) <= 2 and os.getpid() not in first


def test_a_worker_that_dies_costs_no_task_in_this_run_or_the_next(tmp_path):
    with hire(2) as crew:
        for _ in range(2):
            outcomes = {o.task: o.result for o in run(dies_once, range(8), context=str(tmp_path), crew=crew)}
            assert outcomes == {n: n * n for n in range(8)}
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_asked_beside_is_done_and_its_error_is_heard(workers):
    with hire(workers) as crew:
        assert crew.beside(divmod, 7, 2)() == (3, 1)
        with pytest.raises(ZeroDivisionError):
            crew.beside(divmod, 7, 0)()


UNGUARDED = """
from onemap.engine import hire, run
with hire(2) as crew:
    print(list(run(pow, range(5), context=2, crew=crew)))
"""


def test_a_script_without_a_guard_is_told(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode and "InputError" in done.stderr.strip().splitlines()[-1]
    assert "__main__" in done.stderr
