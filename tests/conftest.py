"""The same examples on every machine: a build that is red is red for everyone.

To look for new ones: ``HYPOTHESIS_PROFILE=search pytest``, and ``CROSSPOST_SEED=<number>`` for what
prints seeds.
"""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
