"""Every environment variable that aios reads, by name; the values are read in ``settings.py`` and ``paths.py``."""

from __future__ import annotations

from typing import Final

HOME: Final = "AIOS_HOME"
"""One folder for everything (data, cache, logs, run, config); overrides the platform's places."""

SETTING_PREFIX: Final = "AIOS_"
"""A setting ``queue_length`` is read from ``AIOS_QUEUE_LENGTH``."""

XDG_DATA_HOME: Final = "XDG_DATA_HOME"
XDG_CACHE_HOME: Final = "XDG_CACHE_HOME"
XDG_STATE_HOME: Final = "XDG_STATE_HOME"
XDG_CONFIG_HOME: Final = "XDG_CONFIG_HOME"
XDG_RUNTIME_DIR: Final = "XDG_RUNTIME_DIR"

PLACES: Final = (HOME, XDG_DATA_HOME, XDG_CACHE_HOME, XDG_STATE_HOME, XDG_CONFIG_HOME, XDG_RUNTIME_DIR)
"""Where things lie depends on these; a service that is started elsewhere must be told them."""

NO_COLOR: Final = "NO_COLOR"
"""Any value but the empty one switches colours off (the no-color convention)."""
