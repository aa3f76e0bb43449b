"""The demonstration: the whole path once, with the real programs, on this machine.

It runs the three programs as a person would, in their own processes; it imports nothing of the agent.
"""
