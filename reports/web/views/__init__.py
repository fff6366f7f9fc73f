"""The views: one module for each thing that people look at."""

from fastapi import APIRouter

from reports.web.views import (
    accounts,
    administration,
    organisation_table,
    own_account,
    site,
    site_settings,
    sites,
    sweep,
    sweeps,
    trail,
)

VIEWS: tuple[APIRouter, ...] = (
    accounts.router,
    administration.router,
    organisation_table.router,
    own_account.router,
    site.router,
    site_settings.router,
    sites.router,
    sweep.router,
    sweeps.router,
    trail.router,
)
