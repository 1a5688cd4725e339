"""The programs: the API and its composition, the worker, the command line."""

import gc

# What a program makes when it starts stays: to look through it for what does not took a third of the start.
gc.set_threshold(10_000, 20, 20)
