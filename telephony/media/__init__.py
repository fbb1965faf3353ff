"""The audio of one call: uplink, playout, ledger, interruption."""
