"""What lasts: SQLAlchemy Core on SQLite or PostgreSQL; the only room that knows SQL."""
