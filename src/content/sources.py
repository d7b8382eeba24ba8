"""The files a campaign is written in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from content.campaign import TEXT
from content.mjml import block_names
from content.spec import CampaignSpec
from core.errors import ConfigError

BLOCKS_FOLDER: Final = "blocks"
PICTURES_FOLDER: Final = "pictures"
_PICTURE: Final = re.compile(r"[a-z0-9][a-z0-9_-]*\.(png|jpg|gif)")
MAX_PICTURE: Final = 300_000  # bytes; readers load them on a phone
TEXT_FRAME: Final = "frame.txt"  # `email.txt` as written; that name is the compiled one's


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of a campaign, read."""

    folder: Path
    frame: str
    text: str | None  # None: made from the HTML
    blocks: Mapping[str, str]
    block_texts: Mapping[str, str]
    block_folders: Mapping[str, Path]

    def files(self) -> dict[str, str]:
        """Return every source by its name among the templates."""
        found = {"email.mjml": self.frame}
        if self.text is not None:
            found[TEXT_FRAME] = self.text
        found |= {f"{name}.mjml": source for name, source in self.blocks.items()}
        return found | {f"{name}.txt": source for name, source in self.block_texts.items()}

    def frames(self) -> list[str]:
        """Return the names of the frames there are."""
        return ["email.mjml"] if self.text is None else ["email.mjml", TEXT_FRAME]

    def block_files(self, block: str) -> list[str]:
        """Return the names of a block's files."""
        return [f"{block}.mjml"] if self.text is None else [f"{block}.mjml", f"{block}.txt"]

    def paths(self) -> dict[str, Path]:
        """Return where each of `files` lies."""
        frames = {"email.mjml": self.folder / "email.mjml", TEXT_FRAME: self.folder / TEXT}
        blocks = {
            f"{name}.{kind}": home / f"{name}.{kind}"
            for name, home in self.block_folders.items()
            for kind in ("mjml", "txt")
        }
        return {name: path for name, path in {**frames, **blocks}.items() if name in self.files()}


def read_sources(folder: Path, spec: CampaignSpec) -> Sources:
    """Read the frame and every block the campaign names.

    A block is looked for in the campaign's own `blocks/`, then in `conf/blocks/`.

    Raises:
        ConfigError: A file is missing or is not UTF-8.
    """
    text = _read(folder / TEXT) if (folder / TEXT).is_file() else None
    homes = (folder / BLOCKS_FOLDER, folder.parent.parent / BLOCKS_FOLDER)
    names = list(
        dict.fromkeys(name for slot in spec.slots for name in block_names(spec, slot.name))
    )
    blocks, texts, folders = {}, {}, {}
    for name in names:
        home = next((home for home in homes if (home / f"{name}.mjml").is_file()), None)
        if home is None:
            raise ConfigError(
                f"{folder}: block {name!r} is missing. Write {homes[0]}/{name}.mjml "
                f"(or {homes[1]}/{name}.mjml, to share it)."
            )
        folders[name] = home
        blocks[name] = _read(home / f"{name}.mjml")
        if text is not None:
            texts[name] = _read(home / f"{name}.txt")
    return Sources(folder, _read(folder / "email.mjml"), text, blocks, texts, folders)


def read_pictures(folder: Path) -> dict[str, bytes]:
    """Return the campaign's own pictures, by file name.

    Raises:
        ConfigError: A file is no picture an e-mail can show, is too large, or is oddly named.
    """
    pictures: dict[str, bytes] = {}
    for path in sorted((folder / PICTURES_FOLDER).glob("*")):
        if not _PICTURE.fullmatch(path.name):
            raise ConfigError(
                f"{path}: name pictures like hero-autumn.png (a-z, 0-9, - and _; png, jpg or gif)."
            )
        if (size := path.stat().st_size) > MAX_PICTURE:
            raise ConfigError(
                f"{path} has {size:,} bytes, at most {MAX_PICTURE:,}. Make it smaller."
            )
        pictures[path.name] = path.read_bytes()
    return pictures


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing. Write it, or see conf/campaigns/weekly_picks."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from None
