"""Killed at every step, at random, and run twice at once: each post is there exactly once.

world    a small channel in two states, its config, and what is compared
program  a process that forks a run for each order it is given, and kills it where it is told
"""
