"""What a crash leaves behind: real brokers under load that are killed, cut off and starved, and looked at afterwards (P14).

`make crash` does all of it at length, `python -m tests.crash kill-sqlite --times 5` one part;
`tests/promises/test_p14_*` does each a few times.
"""
