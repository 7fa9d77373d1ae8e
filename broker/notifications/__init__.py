"""Messages to people: sent after the commit that caused them, and forgotten once they went out."""
