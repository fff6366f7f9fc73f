"""A file may have more bytes than 32 bits can count."""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('visit') as visit:
        visit.alter_column('size', type_=sa.BigInteger(), existing_type=sa.Integer(), existing_nullable=True)
