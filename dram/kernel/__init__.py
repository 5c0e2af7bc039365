"""The controller on flat arrays: accept, schedule, issue, from event to event.

A step at cycle ``now`` lets at most one request in (which has been at the port since ``now - 1``), starts
what is due for refresh, and issues the commands of that cycle. If nothing can be issued, time moves on to the
next cycle at which something can: an arrival, a refresh, or the earliest start of a command that is waited
for. Nothing is ever looked at in between, and looking at a cycle twice changes nothing.

The modules build on each other in this order: layout, timing, offers, power, queues, port, refresh, schedule,
issue, alone, steps, entry.
"""
