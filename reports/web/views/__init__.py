"""The views: one module for each thing that people look at."""

from fastapi import APIRouter

from reports.web.views import (
    accounts,
    acting,
    administration,
    cycle,
    cycles,
    defect,
    defects,
    exceptions,
    judging,
    knowhow,
    organisation_table,
    own_account,
    page,
    pictures,
    site,
    site_settings,
    sites,
    sweep,
    sweeps,
    trail,
)

VIEWS: tuple[APIRouter, ...] = (
    accounts.router,
    acting.router,
    administration.router,
    cycle.router,
    cycles.router,
    defect.router,
    defects.router,
    exceptions.router,
    judging.router,
    knowhow.router,
    organisation_table.router,
    own_account.router,
    page.router,
    pictures.router,
    site.router,
    site_settings.router,
    sites.router,
    sweep.router,
    sweeps.router,
    trail.router,
)
