"""Exceptions that are proposed, and indexes to look up pictures and the pages that show a defect."""

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None

INDEXES = (
    ('finding', 'picture_id', 'picture_id IS NOT NULL'), ('occurrence', 'defect_id', 'places > 0'),
    ('result', 'picture_id', 'picture_id IS NOT NULL'),
)  # fmt: skip


def upgrade() -> None:
    op.add_column('exemption', sa.Column('proposed', sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table('exemption') as exemption:
        exemption.alter_column('proposed', server_default=None, existing_type=sa.Boolean())
    for table, column, where in INDEXES:
        op.create_index(
            op.f(f'ix_{table}_{column}'), table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
