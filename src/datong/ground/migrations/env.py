"""Alembic's entry: runs the revisions on the connection that ground.migrations hands in."""

from alembic import context

from datong.ground.db import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
