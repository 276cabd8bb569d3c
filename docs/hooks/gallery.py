"""A hook of mkdocs: runs the gallery's examples, and adds a page of each and their list.

Pages and pictures are made at every build, and are not files of the repository.
"""

import functools
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from runnable import Block, run

INTRODUCTION = """# Gallery

Each page is one Python file that runs as it stands, in a few seconds. The pictures and the printed
text come from running it for this site.

<div class="grid gallery" markdown>
{cards}
</div>
"""
CARD = """<div class="card" markdown>
[![{title}]({picture})]({name}.md)

[{title}]({name}.md)
</div>
"""


@functools.cache
def blocks_of(path: Path, _: int) -> list[Block]:
    """Run an example anew only if it was written since, as told by the time of its file."""
    return run(path)


def title_of(blocks: list[Block]) -> str:
    """Return the title of an example."""
    return blocks[0].text.partition("\n")[0].rstrip(".")


def page_of(name: str, blocks: list[Block]) -> tuple[str, dict[str, bytes]]:
    """Return the page of an example as Markdown, and its pictures by file name."""
    title, _, text = blocks[0].text.partition("\n")
    parts, pictures = [f"# {title.rstrip('.')}", text.strip()], {}
    for block in blocks[1:]:
        parts.append(block.text)
        if block.code:
            parts.append(f"```python\n{block.code.lstrip()}\n```")
        if block.output:
            parts.append(f"```{{ .text .output }}\n{block.output.rstrip()}\n```")
        for drawn in block.pictures:
            file = f"{name}_{len(pictures) + 1}.png"
            pictures[file] = drawn
            parts.append(f"![A figure of this example, number {len(pictures)}]({file})")
    parts.append(f"[Download {name}.py]({name}.py)")
    return "\n\n".join(parts), pictures


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add pages and pictures of all examples to the files of the site."""
    cards = []
    for path in sorted(Path(config.docs_dir, "gallery").glob("*.py")):
        blocks = blocks_of(path, path.stat().st_mtime_ns)
        page, pictures = page_of(path.stem, blocks)
        for name, content in {f"{path.stem}.md": page, **pictures}.items():
            files.append(File.generated(config, f"gallery/{name}", content=content))
        first = next(iter(pictures))
        cards.append(CARD.format(title=title_of(blocks), picture=first, name=path.stem))
    content = INTRODUCTION.format(cards="\n".join(cards))
    files.append(File.generated(config, "gallery/index.md", content=content))
    return files
