"""What the tests stand on: a PostgreSQL server and a browser, both brought along or found, never skipped."""
