"""The root of all errors whose message is written for the person who reads it."""


class HorizonError(Exception):
    """Something went wrong that a person can act on; the message is a sentence that says how."""
