"""The process that ticks: clocks, sockets, media. No user code runs here."""
