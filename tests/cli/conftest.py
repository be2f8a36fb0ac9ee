"""A small labelled store that command tests share, one of their own per module."""

from pathlib import Path

import pytest

from fake import small_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fake.small_store` on disk: 36 clips, four subjects, three cameras."""
    path = tmp_path_factory.mktemp("stores") / "small.store"
    small_store(num_clips=36).save(path)
    return path
