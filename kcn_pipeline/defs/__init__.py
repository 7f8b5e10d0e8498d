"""THE WIRING: which asset calls which function, and nothing else; the only folder that imports dagster.

It must not hold logic of a stage, SQL, or a parser. The surprising fact: there are no IO managers; every asset reads
and writes the lake itself, so an asset can be run, re-run and read without Dagster in the way.
"""
