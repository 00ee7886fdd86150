"""Crosspost mirrors a Telegram channel into the author's blog on a news site.

    reader ──Post──▶ ledger ──Post──▶ normalize ──Article──▶ deliver ──▶ publisher ──▶ site
      pull (durable once stored)            push (exactly once)

Each room is a module or folder of this package; imports go one way, from ``cli`` down to
``model``. ``docs/design.md`` says what stands and why.
"""

__version__ = "0.1.0"
