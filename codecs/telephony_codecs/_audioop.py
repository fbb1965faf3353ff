"""The one import of `audioop`: the standard library's, or audioop-lts from Python 3.13 on.

Python 3.11 and 3.12 warn at that import. The replacement is already a dependency, so the warning
has nothing to tell our caller and must not become an error where warnings are errors.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

__all__ = ["audioop"]
