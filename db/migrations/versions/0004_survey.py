"""The ministry's survey: by which conditions a sweep checks, and assertions that say whose they are."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('sweep') as sweep:
        sweep.add_column(sa.Column('mic', sa.String(), nullable=True))
    with op.batch_alter_table('assertion') as assertion:
        assertion.add_column(
            sa.Column(
                'assertor',
                sa.Enum('axe', 'mic', name='assertor', native_enum=False, create_constraint=True, length=32),
                nullable=False,
                server_default='axe',
            )
        )
        assertion.drop_constraint(op.f('pk_assertion'), type_='primary')
        assertion.create_primary_key(op.f('pk_assertion'), ['result_id', 'criterion', 'assertor'])
    with op.batch_alter_table('assertion') as assertion:  # the default was for the rows that there were
        assertion.alter_column('assertor', server_default=None)
