"""How a command ends: with one sentence and an exit code where the error names its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from storage.errors import NotFoundError, StorageError
from tasks.vocabulary.errors import InputError, ZeroescapeError

DONE, FAILED, WRONG_INPUT = 0, 1, 2


@contextmanager
def exit_codes() -> Iterator[None]:
    """Errors that name their remedy become one sentence and an exit code; others keep their trace."""
    try:
        yield
    except (InputError, NotFoundError) as error:
        _end(f"{type(error).__name__}: {error}", WRONG_INPUT)
    except (ZeroescapeError, StorageError) as error:
        _end(f"{type(error).__name__}: {error}", FAILED)
    except RuntimeError as error:
        # Prefect has no class of its own for a server that does not answer.
        if not str(error).startswith("Failed to reach API"):
            raise
        remedy = "Start that server, correct PREFECT_API_URL, or unset it to use the embedded one."
        _end(f"{error}. {remedy}", FAILED)
    except KeyboardInterrupt:
        typer.secho("Interrupted. Run the same command again to go on.", fg="yellow", err=True)
        raise typer.Exit(130) from None


def _end(said: str, code: int) -> NoReturn:
    typer.secho(said, fg="red", err=True)
    raise typer.Exit(code) from None
