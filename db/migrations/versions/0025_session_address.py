"""Where a session was begun from; the trail is read by time."""

import sqlalchemy as sa
from alembic import op

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('session', sa.Column('address', sa.String(), nullable=True))
    op.create_index(op.f('ix_trail_at'), 'trail', ['at'])
