"""Telephone audio and nothing else: formats, companding, resampling, concealment, tones."""
