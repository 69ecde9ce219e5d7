"""The program `fluxbase-jobs`: submit jobs, wait for them, follow their logs, and administer the queue from a terminal.

It uses the public package only, so that each of its commands is also an example of how to call it.
"""
