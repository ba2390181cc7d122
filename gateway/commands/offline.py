"""The gateway's parts without a gateway: for commands that look at the catalog and the machine."""

import logging

import click

from gateway.app import create_app
from gateway.catalog.problem import Problem
from gateway.http.services import Services
from gateway.settings import Settings


def settings_for(devices: str | None) -> Settings:
    """The settings of this process, with the machine that was named instead of this one."""
    return Settings() if devices is None else Settings(devices=devices)


def offline_services(settings: Settings) -> Services:
    """Services with the catalog loaded and nothing started. Stops the command when the catalog has mistakes."""
    services, problems = offline_parts(settings)
    if problems:
        raise click.ClickException("\n".join(str(problem) for problem in problems))
    return services


def offline_parts(settings: Settings) -> tuple[Services, tuple[Problem, ...]]:
    """Services and the mistakes of the catalog, which is empty when there are any."""
    logging.getLogger("forebay").addHandler(logging.NullHandler())  # the command itself says what is wrong
    try:
        services = create_app(settings).services
    except OSError as error:
        raise click.ClickException(f"cannot use {error.filename}: {error.strerror}") from None
    return services, services.catalog.reload()
