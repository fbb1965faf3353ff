"""The process with the user's code: phone, tools, HTTP, store, and what the CLI runs."""
