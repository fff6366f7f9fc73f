"""Addresses that begin in some way are found by an index, whatever language a PostgreSQL database sorts by."""

from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None

NAME = 'ix_page_address_begins'


def upgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.create_index(NAME, 'page', ['site_id', 'address'], postgresql_ops={'address': 'text_pattern_ops'})

