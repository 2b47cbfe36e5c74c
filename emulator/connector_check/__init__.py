"""Runs a connector through its whole contract, as AppFlow asks it, and says what a connector's author can do about it.

Pure: asks whatever answers requests (`hearing.Ask`), keeps nothing outside, knows no rig and no command line. A check
is a function that talks (`talk.Check`, `talk.Talk`); those of one kind of request are a module; `running.run` makes
them in AppFlow's own order.
"""
