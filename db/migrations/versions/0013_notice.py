"""What a page of few words says, as the server gives it and as the browser shows it: one notice for many pages is a wall."""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('visit') as visit:
        visit.add_column(sa.Column('notice', sa.String(length=16), nullable=True))
        visit.add_column(sa.Column('audited_notice', sa.String(length=16), nullable=True))
        visit.create_index(op.f('ix_visit_audited_notice'), ['audited_notice'])
