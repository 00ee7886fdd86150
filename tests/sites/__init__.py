"""Real sites that tests start on this machine, each in a file of its own."""
