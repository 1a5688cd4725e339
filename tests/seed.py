"""What the tests draw at random is the same at every run, so that no landing depends on luck.

TERMBOOK_SEED=… draws from that seed instead, TERMBOOK_SEED=random from another each time.
"""

import os
import random

from hypothesis import HealthCheck, settings

_ASKED = os.environ.get("TERMBOOK_SEED", "")
# Walks and edits begin here; each says so, for whoever wants the same again.
SEED = random.SystemRandom().randrange(10**9) if _ASKED == "random" else int(_ASKED or 20260329)


def same_examples() -> None:
    """Property tests make the same examples each time, unless a seed is asked for; a busy machine fails none."""
    settings.register_profile(
        "termbook", derandomize=not _ASKED, deadline=None, print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    settings.load_profile("termbook")
