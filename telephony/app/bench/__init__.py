"""`telephony bench`: measures this machine and this version with real processes and sockets."""

from telephony.app.bench.calls import SESSIONS, run_bench_calls
from telephony.app.bench.realtime import run_bench_realtime
from telephony.app.bench.realtime_report import RealtimeReport
from telephony.app.bench.realtime_table import realtime_table
from telephony.app.bench.report import BenchReport
from telephony.app.bench.table import report_table

__all__ = [
    "SESSIONS",
    "BenchReport",
    "RealtimeReport",
    "realtime_table",
    "report_table",
    "run_bench_calls",
    "run_bench_realtime",
]
