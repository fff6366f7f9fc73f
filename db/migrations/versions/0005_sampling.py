"""What a draw needs to be repeated and edited, and where the forms of a page send to."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('sweep') as sweep:
        sweep.add_column(sa.Column('stratify', _words('directory', 'template', name='stratify'), nullable=True))
        sweep.add_column(sa.Column('redraw', _words('half', 'wholly', name='redraw'), nullable=True))
        sweep.add_column(sa.Column('earlier_draw_id', sa.Integer(), nullable=True))
        sweep.add_column(sa.Column('draw_from', sa.BigInteger(), nullable=True))
        sweep.add_column(sa.Column('traffic', sa.JSON(), nullable=False, server_default='[]'))
        sweep.add_column(sa.Column('frozen_by', sa.String(), nullable=True))
        sweep.create_foreign_key(op.f('fk_sweep_earlier_draw_id'), 'sweep', ['earlier_draw_id'], ['id'])
    with op.batch_alter_table('draw') as draw:
        draw.add_column(sa.Column('stratum', sa.String(), nullable=True))
        draw.add_column(sa.Column('replaces_id', sa.Integer(), nullable=True))
        draw.add_column(sa.Column('added_by', sa.String(), nullable=True))
        draw.create_foreign_key(op.f('fk_draw_replaces_id'), 'draw', ['replaces_id'], ['id'])
    with op.batch_alter_table('visit') as visit:
        visit.add_column(sa.Column('forms', sa.String(), nullable=True))
    with op.batch_alter_table('sweep') as sweep:  # the default was for the rows that there were
        sweep.alter_column('traffic', server_default=None)


def _words(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)
