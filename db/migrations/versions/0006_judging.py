"""What a page has, as evidence that a criterion does not apply, and the notation that a person chose."""

import sqlalchemy as sa
from alembic import op

import db.types

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

NOTATIONS = ('conforming', 'partially', 'considerate')


def upgrade() -> None:
    with op.batch_alter_table('result') as result:
        result.add_column(sa.Column('features', sa.JSON(), nullable=True))
    op.create_table(
        'declaration',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('sweep_id', sa.Integer(), nullable=False),
        sa.Column(
            'notation',
            sa.Enum(*NOTATIONS, name='notation', native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column('person', sa.String(), nullable=False),
        sa.Column('details', sa.JSON(), nullable=False),
        sa.Column('at', db.types.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['sweep_id'], ['sweep.id'], name=op.f('fk_declaration_sweep_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_declaration')),
    )
    op.create_index(op.f('ix_declaration_sweep_id'), 'declaration', ['sweep_id'])
