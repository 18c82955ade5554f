"""WORKOS_DIRECTORY_ID: one directory, or all."""

from backend.workos.scope import DirectoryScope


def test_all_directories_are_in_it() -> None:
    assert DirectoryScope().includes("directory_1")


def test_one_directory_alone_is_in_it() -> None:
    scope = DirectoryScope("directory_1")
    assert scope.includes("directory_1")
    assert not scope.includes("directory_2")
