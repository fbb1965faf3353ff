"""Phones that tests serve, by `telephony serve tests.support.phones:NAME`."""

from telephony import Agent, Phone, press_keys

keypad = Phone()
keypad.answer("*", Agent("keypad", tools=[press_keys]))
