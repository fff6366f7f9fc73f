"""The views: one module for each thing that people look at."""

from fastapi import APIRouter

from reports.web.views import site, sites, sweep, sweeps

VIEWS: tuple[APIRouter, ...] = (sites.router, site.router, sweeps.router, sweep.router)
