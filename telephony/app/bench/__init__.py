"""`telephony bench`: measures this machine and this version with real processes and sockets."""

from telephony.app.bench.calls import SESSIONS, run_bench_calls
from telephony.app.bench.report import BenchReport
from telephony.app.bench.table import report_table

__all__ = ["SESSIONS", "BenchReport", "report_table", "run_bench_calls"]
