"""Agents written for openai-agents, on sessions and calls of ours: the `agents` extra.

Nothing here is imported unless it is asked for by name.
"""
