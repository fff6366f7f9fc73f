"""The words for addresses that an earlier sweep knows, and to which nothing leads any more."""

import sqlalchemy as sa
from alembic import op

revision = '0036'
down_revision = '0035'
branch_labels = None
depends_on = None

STATES = ('found', 'explored', 'selected', 'audited', 'not_chosen', 'unaudited')
REASONS = (
    'out_of_scope', 'excluded', 'robots', 'robots_unreachable', 'redirect', 'redirect_out', 'redirect_loop',
    'not_html', 'duplicate', 'unsafe', 'empty', 'too_large', 'not_found', 'soft_not_found', 'unlinked', 'client_error',
    'blocked', 'server_error', 'dns', 'certificate', 'connection', 'private_address', 'timed_out', 'crashed',
    'engine_error', 'page_limit', 'pattern_limit', 'trap', 'depth_limit', 'time_limit',
)
WAYS = ('start', 'seed', 'sitemap', 'link', 'rendered', 'clicked', 'redirect', 'earlier')


def upgrade() -> None:
    with op.batch_alter_table('visit') as visit:
        for column, words in (('state', STATES), ('reason', REASONS), ('found_by', WAYS)):
            name = op.f(f'ck_visit_{column}')
            if op.get_context().dialect.name != 'sqlite':  # there, making the table anew leaves checks behind
                visit.drop_constraint(name, type_='check')
            visit.create_check_constraint(name, sa.column(column).in_(words))
