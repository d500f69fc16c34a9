from __future__ import annotations

from collections.abc import Sequence

from rich.progress import DownloadColumn, Progress, TextColumn
from rich.text import Text

from deployment.aws import Aws
from deployment.output import Output
from deployment.stack_name import check_stack_name
from deployment.template_bucket import TemplateBucket, UploadedTemplate, quick_create_link
from deployment.template_source import TemplateSource
from deployment.template_target import find_template


class TemplateUploader:
    """Uploads templates and says how to create stacks from them.

    Args:
        aws: Account and region.
        bucket: Where they go.
        output: Where the results go.
    """

    def __init__(self, aws: Aws, bucket: TemplateBucket, output: Output) -> None:
        self._aws = aws
        self._bucket = bucket
        self._output = output

    def upload(self, targets: Sequence[str], *, prefix: str, create_bucket: bool) -> None:
        """Uploads stacks or files and prints each one's address and quick-create link.

        Args:
            targets: Stack names or paths; none takes all of this repository's stacks.
            prefix: Folder in the bucket.
            create_bucket: Whether an absent bucket is made.
        """
        if not targets:
            from templates.stacks import ALL_STACKS  # noqa: PLC0415  # troposphere is slow to load

            targets = [stack.name for stack in ALL_STACKS]
        templates = [find_template(target) for target in targets]
        for name, _ in templates:
            check_stack_name(name)
        if self._bucket.ensure(create=create_bucket):
            self._output.note(f"Made bucket {self._bucket.name}")
        results = []
        lines: list[Text] = []
        for name, template in templates:
            uploaded = self._send(template, name, prefix)
            link = quick_create_link(self._aws, uploaded.url, name)
            results.append(
                {
                    "stack": name,
                    "url": uploaded.url,
                    "key": uploaded.key,
                    "sent": not uploaded.existed,
                    "quick_create": link,
                }
            )
            # Links must stay in one piece: no wrapping.
            lines.append(Text(f"{name}\n  template  {uploaded.url}\n  create    {link}"))
        self._output.result({"bucket": self._bucket.name, "templates": results}, *lines)

    def _send(self, template: TemplateSource, name: str, prefix: str) -> UploadedTemplate:
        if not self._output.err.is_terminal:
            uploaded = self._bucket.upload(template, name, prefix=prefix)
            verb = "is there already" if uploaded.existed else f"sent, {template.size:,} bytes"
            self._output.note(f"{name}: {verb}")
            return uploaded
        columns = (TextColumn("{task.description}", markup=False), DownloadColumn())
        with Progress(*columns, console=self._output.err, transient=True) as progress:
            task = progress.add_task(name, total=template.size)
            return self._bucket.upload(
                template,
                name,
                prefix=prefix,
                on_bytes=lambda count: progress.update(task, advance=count),
            )
