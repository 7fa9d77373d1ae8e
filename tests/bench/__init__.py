"""What things cost, beside what they could cost: `make bench`, or `make bench ONLY=sealing`.

Each module here measures one matter: it has `MATTER` (its title) and `async def run(effort) -> list[Result]`. pytest collects
none of them; `tests/unit/test_bench.py` runs each at a tiny size, so that they go on working.
"""

MATTERS = ("sealing", "releases", "edge", "behind", "log", "decisions", "console", "growing", "servers")
