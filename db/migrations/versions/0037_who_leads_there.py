"""Who else leads to a page is asked of each page that leads to one."""

import sqlalchemy as sa
from alembic import op

revision = '0037'
down_revision = '0036'
branch_labels = None
depends_on = None


def upgrade() -> None:
    leads = sa.text('leads_to_id IS NOT NULL')
    op.create_index(
        op.f('ix_visit_leads_to_id'), 'visit', ['leads_to_id'], sqlite_where=leads, postgresql_where=leads
    )
