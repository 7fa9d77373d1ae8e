"""Runs the migrations on the connection that `broker.storage.migrate` opened."""

from alembic import context

from broker.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
