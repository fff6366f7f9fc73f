"""The views: one module for each thing that people look at."""

from fastapi import APIRouter

from reports.web.views import sites

VIEWS: tuple[APIRouter, ...] = (sites.router,)
