"""What tells one page from another, how pages are linked, and the words for it."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

STATES = ('found', 'explored', 'selected', 'audited', 'not_chosen', 'unaudited')
REASONS = (
    'out_of_scope', 'excluded', 'robots', 'robots_unreachable', 'redirect', 'redirect_out', 'redirect_loop',
    'not_html', 'duplicate', 'unsafe', 'empty', 'too_large', 'not_found', 'soft_not_found', 'client_error',
    'blocked', 'server_error', 'dns', 'certificate', 'connection', 'private_address', 'timed_out', 'crashed',
    'engine_error', 'page_limit', 'pattern_limit', 'trap', 'depth_limit', 'time_limit',
)
WAYS = ('start', 'seed', 'sitemap', 'link', 'rendered', 'clicked', 'redirect')


def upgrade() -> None:
    with op.batch_alter_table('site') as site:
        site.add_column(sa.Column('settings', sa.JSON(), nullable=False, server_default='{}'))
    with op.batch_alter_table('visit') as visit:
        visit.add_column(sa.Column('linked', sa.Boolean(), nullable=False, server_default=sa.false()))
        visit.add_column(sa.Column('shown', sa.Boolean(), nullable=False, server_default=sa.false()))
        visit.add_column(sa.Column('links', sa.LargeBinary(), nullable=True))
        visit.add_column(sa.Column('shown_links', sa.LargeBinary(), nullable=True))
        visit.add_column(sa.Column('etag', sa.String(), nullable=True))
        visit.add_column(sa.Column('last_modified', sa.String(), nullable=True))
        visit.add_column(sa.Column('content_digest', sa.String(length=64), nullable=True))
        visit.add_column(sa.Column('rendered_digest', sa.String(length=64), nullable=True))
        visit.add_column(sa.Column('wording', sa.String(length=16), nullable=True))
        visit.add_column(sa.Column('text_shape', sa.LargeBinary(), nullable=True))
        visit.add_column(sa.Column('canonical_id', sa.Integer(), nullable=True))
        visit.add_column(sa.Column('robots_meta', sa.String(), nullable=True))
        visit.create_foreign_key(op.f('fk_visit_canonical_id'), 'page', ['canonical_id'], ['id'])
        for column, words in (('state', STATES), ('reason', REASONS), ('found_by', WAYS)):
            name = op.f(f'ck_visit_{column}')
            if op.get_context().dialect.name != 'sqlite':  # there, making the table anew leaves checks behind
                visit.drop_constraint(name, type_='check')
            visit.create_check_constraint(name, sa.column(column).in_(words))
    with op.batch_alter_table('site') as site:  # the defaults were for the rows that there were
        site.alter_column('settings', server_default=None)
    with op.batch_alter_table('visit') as visit:
        visit.alter_column('linked', server_default=None)
        visit.alter_column('shown', server_default=None)
