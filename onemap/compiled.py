"""Loops over arrays, compiled once on this machine and from then on loaded without the compiler.

2026-11: numba translates the functions, and llvmlite keeps what comes out as one object file per module: against numba's
own cache, which brings the compiler into every process. At 250,000 corners that took 0.7 of 1.1 CPU s, now 0.1 of 0.5.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from types import FunctionType

import numpy as np

# as numba names them; a dimension is written as one bracket pair, so i4[][] is a table of 32-bit whole numbers
KINDS = {"i4": "int32", "i8": "int64", "u4": "uint32", "u8": "uint64", "f8": "float64", "b1": "bool_"}
SCALARS = {"i8": ctypes.c_int64, "f8": ctypes.c_double, "b1": ctypes.c_uint8}


class NotCompiled(RuntimeError):
    """Nothing could be compiled here; the message says why."""


_entries: dict[str, dict[str, Callable]] = {}  # of each module: its functions that Python calls
_loaded: dict[str, dict[str, int]] = {}
_engines: list = []  # hold the machine code in memory
_lock = Lock()


def inner(function: Callable) -> Callable:
    """Mark a function that compiled functions call; in Python it stays what it is."""
    function.compiled_with = ()
    return function


def compiled(signature: str) -> Callable:
    """Compile a function of arrays and numbers: ``"i4[] f8[][] f8 -> i8 i8"`` says what it takes and returns.

    Arrays must be contiguous and of exactly these kinds (TypeError). The function may write into them but not make any:
    what it needs for scratch, the caller makes. NotCompiled when there is nowhere to keep what was compiled.
    """
    takes, _, gives = (part.split() for part in signature.partition("->"))

    def decorate(function: Callable) -> Callable:
        module = function.__module__
        _entries.setdefault(module, {})[function.__name__] = function
        function.compiled_with = (takes, gives)
        result = _result(gives)
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *_c_types(takes))
        bound = None

        @functools.wraps(function)
        def call(*given):
            nonlocal bound
            if bound is None:
                bound = prototype(addresses(module)[function.__name__])
            out = result()
            if bound(ctypes.addressof(out), None, *_flattened(function.__name__, takes, given)):
                raise RuntimeError(f"{function.__name__} failed")
            values = [getattr(out, name) for name, _ in out._fields_]
            return tuple(values) if len(gives) > 1 else (bool(values[0]) if gives == ["b1"] else values[0])

        return call

    return decorate


def _result(gives: list[str]) -> type[ctypes.Structure]:
    fields = [(f"value{n}", SCALARS[kind]) for n, kind in enumerate(gives)] or [("none", ctypes.c_void_p)]
    return type("Result", (ctypes.Structure,), {"_fields_": fields})


def _c_types(takes: list[str]) -> list:
    """An array goes as numba passes it: two owners (none here), length, size of an item, place, shape, strides."""
    out: list = []
    for kind in takes:
        axes = kind.count("[]")
        out += (
            [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
            if axes
            else []
        )
        out += [ctypes.c_int64] * 2 * axes if axes else [SCALARS[kind]]
    return out


@functools.cache
def _dtype(kind: str) -> np.dtype:
    return np.dtype(KINDS[kind[:2]])


def _flattened(name: str, takes: list[str], given: tuple) -> list:
    if len(given) != len(takes):
        raise TypeError(f"{name} takes {len(takes)} values, not {len(given)}")
    out: list = []
    for number, (kind, value) in enumerate(zip(takes, given, strict=True)):
        if kind[-1] != "]":
            out.append(value)
            continue
        fits = isinstance(value, np.ndarray) and value.dtype == _dtype(kind) and value.flags.c_contiguous
        if not fits or value.ndim != kind.count("[]"):
            raise TypeError(f"{name}: value {number} must be a contiguous array of kind {kind}")
        place = value.__array_interface__["data"][0]
        out += (None, None, value.size, value.itemsize, place, *value.shape, *value.strides)
    return out


def load_all(room: str) -> None:
    """Load the compiled functions of all imported modules of a room; NotCompiled when any cannot be made."""
    for module in list(_entries):
        if module.startswith(f"onemap.{room}."):
            addresses(module)


def addresses(module: str) -> dict[str, int]:
    """Where the compiled functions of a module lie in memory; NotCompiled when they cannot be made."""
    with _lock:
        if module not in _loaded:
            try:
                _loaded[module] = _load(_object_of(module), list(_entries[module]))
            except NotCompiled:
                raise
            except (
                Exception
            ) as unable:  # whatever this system, processor or release of the compiler cannot do
                raise NotCompiled(f"{type(unable).__name__}: {unable}") from unable
        return _loaded[module]


def _machine():
    """The instructions of this processor."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple = llvm.get_process_triple()
    if sys.platform == "win32" and not triple.endswith("-elf"):
        triple += "-elf"  # the form of object files that is loaded into memory, also there
    traits = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        *traits, opt=3, codemodel="jitdefault", jit=True
    )
    return llvm, machine, "|".join((triple, *traits, str(llvm.llvm_version_info)))


def _load(code: bytes, names: list[str]) -> dict[str, int]:
    llvm, machine, _ = _machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return {name: engine.get_function_address(f"onemap_{name}") for name in names}


def _object_of(module: str) -> bytes:
    """The object file of a module: kept from before, or compiled now and kept."""
    sources = {Path(__file__), *(Path(f.__code__.co_filename) for f in _functions(module))}
    try:
        text = b"".join(path.read_bytes() for path in sorted(sources))
    except OSError as lost:
        raise NotCompiled(f"no source to compile ({lost})") from lost
    machine = hashlib.sha256(_machine()[2].encode()).hexdigest()[:12]
    name = f"{module.rpartition('.')[2]}.{machine}"
    place, key = _place(), hashlib.sha256(text).hexdigest()[:16]
    path = place / f"{name}.{key}.o"
    if path.exists():
        kept = path.read_bytes()
        if hashlib.sha256(kept[32:]).digest() == kept[:32]:
            return kept[32:]
    code = _compile(module)
    with tempfile.NamedTemporaryFile(dir=place, prefix=name, suffix=".part", delete=False) as file:
        file.write(hashlib.sha256(code).digest() + code)
    for old in place.glob(f"{name}.*.o"):
        old.unlink(missing_ok=True)
    os.replace(file.name, path)
    return code


def _place() -> Path:
    """The folder for object files: beside the source, or where this system keeps what can be made again."""
    home = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for place in (Path(__file__).parent / "__pycache__", Path(home) / "onemap"):
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                return place
        except OSError:
            continue
    raise NotCompiled("nowhere to keep what is compiled")


def _functions(module: str) -> list[Callable]:
    """The functions of a module that Python calls, and all that these call."""
    found: list[Callable] = []
    waiting = list(_entries[module].values())
    while waiting:
        function = waiting.pop()
        if function not in found:
            found.append(function)
            waiting += _called(function).values()
    return found


def _called(function: Callable) -> dict[str, Callable]:
    named = ((name, function.__globals__.get(name)) for name in function.__code__.co_names)
    return {name: getattr(f, "__wrapped__", f) for name, f in named if hasattr(f, "compiled_with")}


def _compile(module: str) -> bytes:
    """All functions of a module as one object file."""
    try:
        import numba
        from numba import types
    except ImportError as missing:
        raise NotCompiled(f"numba cannot be loaded: {missing}") from missing

    llvm, machine, _ = _machine()
    options = {"error_model": "numpy", "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    done: dict[Callable, Callable] = {}

    def rebuilt(function: Callable) -> FunctionType:
        """The function, calling the translations of what it calls."""
        known = {**function.__globals__, **{name: translated(f) for name, f in _called(function).items()}}
        return FunctionType(function.__code__, known, function.__name__, function.__defaults__)

    def translated(function: Callable) -> Callable:
        if function not in done:
            done[function] = numba.njit(**options)(rebuilt(function))
        return done[function]

    def kind_of(text: str):
        kind = getattr(types, KINDS[text[:2]])
        return types.Array(kind, text.count("[]"), "C") if text.endswith("]") else kind

    whole = llvm.parse_assembly("")
    for name, function in _entries[module].items():
        takes, gives = function.compiled_with
        gives = [kind_of(kind) for kind in gives]
        back = types.Tuple(gives) if len(gives) > 1 else (gives[0] if gives else types.none)
        ready = numba.njit(back(*(kind_of(kind) for kind in takes)), **options)(rebuilt(function))
        symbol = ready.overloads[ready.signatures[0]].fndesc.llvm_func_name
        part = llvm.parse_assembly(ready.inspect_llvm(ready.signatures[0]))
        for own in (*part.functions, *part.global_variables):
            if not own.is_declaration and own.name != symbol:
                own.linkage = "internal"
        part.get_function(symbol).name = f"onemap_{name}"
        whole.link_in(part)
    absent = [
        f.name for f in whole.functions if f.is_declaration and not f.name.startswith("llvm.")
        and not llvm.address_of_symbol(f.name)
    ]  # fmt: skip
    if absent:
        raise NotCompiled(f"compiled code needs what is not here: {', '.join(absent)}")
    return machine.emit_object(whole)
