"""How many links of a page only a script can follow."""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('visit') as visit:
        visit.add_column(sa.Column('unread_links', sa.Integer(), nullable=True))
