"""Runs the migrations over a connection that `engine.schema` hands in, or over DATABASE_URL."""

import os
from typing import Any

import sqlalchemy as sa
from alembic import context
from sqlmodel import SQLModel

import models  # noqa: F401 - declares the schema
from models.base import Code, Word


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write our enum columns as the plain types they are in the database."""
    if kind == "type" and isinstance(item, Code):
        return "sa.SmallInteger()"
    if kind == "type" and isinstance(item, Word):
        return "sa.Text()"
    if kind == "type" and type(item).__name__ == "AutoString":
        return "sa.String()"
    return False


def run(connection: sa.Connection) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, render_item=render_item)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    with sa.create_engine(url).connect() as connection:
        run(connection)
