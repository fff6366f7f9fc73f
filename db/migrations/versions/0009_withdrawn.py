"""A judgement that the person has taken back."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

OUTCOMES = ('met', 'not_met', 'not_applicable', 'withdrawn')


def upgrade() -> None:
    with op.batch_alter_table('judgement') as judgement:
        name = op.f('ck_judgement_outcome')
        if op.get_context().dialect.name != 'sqlite':  # there, making the table anew leaves checks behind
            judgement.drop_constraint(name, type_='check')
        judgement.create_check_constraint(name, sa.column('outcome').in_(OUTCOMES))
