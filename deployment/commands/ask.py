from __future__ import annotations

from typing import Annotated

import typer

from deployment.commands.options import Output, Profile, Region
from deployment.output_format import OutputFormat

Question = Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask.")]
StackOption = Annotated[str, typer.Option("--stack", help="Stack that runs the service.")]
Address = Annotated[
    str | None,
    typer.Option("--address", metavar="HOST:PORT", help="Ask this server; no discovery."),
]
System = Annotated[str | None, typer.Option("--system", help="Instructions to the model.")]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="The most tokens to generate.")
]
Temperature = Annotated[
    float | None, typer.Option("--temperature", min=0, max=2, help="0 is the likeliest answer.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", help="Longest wait for a server.")
]


def ask(
    question: Question,
    *,
    stack: StackOption = "LlmServiceInfraStack",
    address: Address = None,
    system: System = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    timeout: Timeout = 10.0,
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Asks the deployed model and prints the answer as it comes; servers come from Cloud Map."""
    # Imported here, so that --help need not wait for AWS's and gRPC's libraries.
    from deployment.asker import Asker  # noqa: PLC0415
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.endpoints import Endpoints  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415

    words = Words(as_json=output is OutputFormat.JSON)
    endpoints = (
        Endpoints.fixed(address)
        if address
        else Endpoints.discover(Aws(region=region, profile=profile), stack)
    )
    Asker(endpoints, words, timeout=timeout).ask(
        question, system=system, max_tokens=max_tokens, temperature=temperature
    )
