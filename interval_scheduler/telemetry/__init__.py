"""Metrics and spans of OpenTelemetry, with the extra `telemetry`; `instrument(scheduler)` turns them on.

It needs the API of OpenTelemetry only. Without an SDK, which the application sets up, nothing is measured.
"""

from .instrumenting import Instrumentation, instrument

__all__ = ["Instrumentation", "instrument"]
