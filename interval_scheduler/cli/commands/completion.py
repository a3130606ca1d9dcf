"""`completion`: the script by which a shell completes the words of commands."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from ..frame.names import COMPLETION, NAME

_SHELLS: Final = ("bash", "zsh", "fish")
#: `\b` keeps the lines as they are.
_WHERE: Final = """\b
bash: interval-scheduler completion bash > ~/.local/share/bash-completion/completions/interval-scheduler
zsh:  interval-scheduler completion zsh > "${fpath[1]}/_interval-scheduler"
fish: interval-scheduler completion fish > ~/.config/fish/completions/interval-scheduler.fish
"""


@click.command("completion", epilog=_WHERE)
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(*, shell: str) -> None:
    """Print the script by which SHELL completes the words of commands. It belongs where new shells look for it."""
    found = get_completion_class(shell)
    if found is None:  # it is one of click's own
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(found(click.Command(NAME), {}, NAME, COMPLETION).source(), nl=False)
