"""A command of Django: in APP/management/commands its name is that of the file."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from countermand import Client, CountermandError


class Command(BaseCommand):
    help = "Cancels operations and tells what became of each"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME")

    def handle(self, *_: object, names: list[str], **__: object) -> None:
        left = 0
        with Client(user_agent="rescue-django/1.0") as client:
            for name, result in client.countermand_all(names):
                failed = isinstance(result, CountermandError)
                self.stdout.write(f"{name} {result if failed else result.verdict}")
                left += failed or not result.cancelled
        if left:
            message = f"{left} of {len(names)} operations are not known to be cancelled"
            raise CommandError(message)
