"""Where a session was begun from; the trail is read by time, and the last sign-in of many accounts at once."""

import sqlalchemy as sa
from alembic import op

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('session', sa.Column('address', sa.String(), nullable=True))
    op.create_index(op.f('ix_trail_at'), 'trail', ['at'])
    op.create_index(op.f('ix_trail_account_id_done_at'), 'trail', ['account_id', 'done', 'at'])
    op.create_index(op.f('ix_trail_who_done_at'), 'trail', ['who', 'done', 'at'])
    op.drop_index(op.f('ix_trail_account_id'), 'trail')
