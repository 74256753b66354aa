"""Turns a compiled version into fresh modules under a package of its own, and takes them away again. It judges nothing.

``sys.modules["brain"]`` is never touched and nothing is reloaded in place: two versions are two packages, whose classes
are two classes. What the engine and a version hand each other is therefore of rooms that are never replaced, or is read
by its fields: no ``isinstance`` on a class of a replaceable room may stand outside of these rooms.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any, Final, final

from brain.daemon.hot_reload.snapshot import Compiled

PREFIX: Final = "aios_brain_"


@final
class _OneModule:
    """Runs the code of one module; the loader's protocol of ``importlib``."""

    def __init__(self, code: CodeType | None) -> None:
        self._code = code

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """A plain module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run the file; a folder without ``__init__.py`` has none."""
        if self._code is not None:
            module.__file__ = self._code.co_filename
            exec(self._code, module.__dict__)  # the one place where a version's files begin to run


@final
class _Finder:
    """Finds the modules of the versions that are loaded; the finder's protocol of ``importlib``."""

    def __init__(self) -> None:
        self.versions: dict[str, Compiled] = {}

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module of that name, None where it is none of ours."""
        if not name.startswith(PREFIX):
            return None
        package, _, rest = name.partition(".")
        compiled = self.versions.get(package)
        if compiled is None or (rest and rest not in compiled.codes and rest not in compiled.packages):
            return None
        is_package = not rest or rest in compiled.packages
        code = compiled.codes.get(rest)
        origin = code.co_filename if code else None
        return ModuleSpec(name, _OneModule(code), origin=origin, is_package=is_package)  # type: ignore[arg-type]


_FINDER: Final = _Finder()


@final
class Loaded:
    """A version whose modules can be imported by name until ``unload``; ``package`` is the name of its package."""

    def __init__(self, compiled: Compiled, mark: str = "") -> None:
        """Make the package known. ``mark`` keeps two loadings of one version apart; nothing is run yet."""
        if _FINDER not in sys.meta_path:
            # At the front: no other finder need look through its folders for names that are ours.
            sys.meta_path.insert(0, _FINDER)
        self.package = f"{PREFIX}{compiled.version}{mark}"
        self.version = compiled.version
        self.paths = compiled.paths
        self._modules = frozenset(compiled.codes) | compiled.packages
        _FINDER.versions[self.package] = compiled

    def has(self, module: str) -> bool:
        """Whether the version holds a module of that name ("sampling.policy")."""
        return module in self._modules

    def module(self, module: str) -> Any:
        """The module, run when it is met for the first time. Raises whatever the files raise."""
        return importlib.import_module(f"{self.package}.{module}")

    def unload(self) -> None:
        """Forget the modules; what still runs in them ends well, but can import none of them any more."""
        _FINDER.versions.pop(self.package, None)
        for name in [name for name in sys.modules if name == self.package or name.startswith(f"{self.package}.")]:
            del sys.modules[name]
