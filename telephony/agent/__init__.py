"""The declarations a user writes: agents, tools, handoffs, transfers."""
