"""The gateway's parts without a gateway: for commands that look at the catalog and the machine."""

import click

from gateway.app import create_app
from gateway.http.services import Services
from gateway.settings import Settings


def offline_services(settings: Settings) -> Services:
    """Services with the catalog loaded and nothing started. Stops the command when the catalog has mistakes."""
    services = create_app(settings).services
    problems = services.catalog.reload()
    if problems:
        raise click.ClickException("\n".join(str(problem) for problem in problems))
    return services
