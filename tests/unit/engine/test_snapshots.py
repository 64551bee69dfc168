"""Which files belong to a project, their digest, their archive (SPEC 3)."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from skafos_tui.engine.snapshots import missing_file, write_archive
from skafos_tui.store.working_tree import SnapshotError, project_files, take_snapshot

Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Makes files; a value is a text, or None for an empty one."""

    def make(**ignore: str) -> Path:
        directory = tmp_path / "project"
        directory.mkdir(exist_ok=True)
        for name in FILES:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        for key, text in ignore.items():
            path = directory / key.replace("__", "/").replace("git", ".gitignore").replace("docker", ".dockerignore")
            path.write_text(text)
        return directory

    return make


FILES = ("main.py", "data/raw.csv", "data/keep.csv", "src/model.py", "src/data/deep.csv", "notes.txt", "src/notes.txt")


def found(directory: Path) -> set[str]:
    """The files of a project, the ignore files left out."""
    return {path for path in project_files(directory) if not path.endswith("ignore")}


def less(*names: str) -> set[str]:
    return set(FILES) - set(names)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("", less()),
        ("*.csv", less("data/raw.csv", "data/keep.csv", "src/data/deep.csv")),
        ("data", less("data/raw.csv", "data/keep.csv", "src/data/deep.csv")),
        ("data/", less("data/raw.csv", "data/keep.csv", "src/data/deep.csv")),
        ("/data", less("data/raw.csv", "data/keep.csv")),
        ("data/*\n!data/keep.csv", less("data/raw.csv")),
        ("data/\n!data/keep.csv", less("data/raw.csv", "data/keep.csv", "src/data/deep.csv")),
        ("# notes.txt\n\nnotes.txt", less("notes.txt", "src/notes.txt")),
        ("/notes.txt", less("notes.txt")),
        ("src/**/deep.csv", less("src/data/deep.csv")),
    ],
)
def test_gitignore_means_what_git_says(tree: Tree, patterns: str, expected: set[str]) -> None:
    assert found(tree(git=patterns)) == expected


def test_a_gitignore_further_down_counts_below_itself_and_overrules_those_above(tree: Tree) -> None:
    directory = tree(git="*.txt\n*.csv", src__git="!notes.txt\n/model.py")
    assert found(directory) == less("notes.txt", "src/model.py", "data/raw.csv", "data/keep.csv", "src/data/deep.csv")


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("notes.txt", less("notes.txt")),
        ("/notes.txt", less("notes.txt")),
        ("./notes.txt", less("notes.txt")),
        ("**/notes.txt", less("notes.txt", "src/notes.txt")),
        ("*.csv", less()),
        ("*/*.csv", less("data/raw.csv", "data/keep.csv")),
        ("**/*.csv", less("data/raw.csv", "data/keep.csv", "src/data/deep.csv")),
        ("data", less("data/raw.csv", "data/keep.csv")),
        ("data/", less("data/raw.csv", "data/keep.csv")),
        ("data\n!data/keep.csv", less("data/raw.csv")),
        ("*\n!main.py", {"main.py"}),
        ("*\n!src/model.py", {"src/model.py"}),
        ("!main.py\n*", set()),
        ("# main.py\n\n  notes.txt  ", less("notes.txt")),
        ("src/*\n!src/model.py", less("src/notes.txt", "src/data/deep.csv")),
    ],
)
def test_dockerignore_means_what_docker_says(tree: Tree, patterns: str, expected: set[str]) -> None:
    assert found(tree(docker=patterns)) == expected


def test_what_either_file_leaves_out_is_left_out(tree: Tree) -> None:
    assert found(tree(git="main.py", docker="notes.txt")) == less("main.py", "notes.txt")


def test_repositories_caches_and_virtual_environments_are_never_code(tree: Tree) -> None:
    directory = tree()
    for name in (".git/config", "src/__pycache__/x.pyc", "env/pyvenv.cfg", "env/bin/python", ".ipynb_checkpoints/a"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert found(directory) == less()


def test_the_digest_changes_with_content_name_and_executable_bit_and_with_nothing_else(tree: Tree) -> None:
    directory = tree()
    first = take_snapshot(directory).digest
    os.utime(directory / "main.py", (0, 0))
    assert take_snapshot(directory).digest == first
    (directory / "main.py").chmod(0o755)
    executable = take_snapshot(directory).digest
    assert executable != first
    (directory / "main.py").chmod(0o644)
    (directory / "main.py").write_text("other")
    assert take_snapshot(directory).digest not in (first, executable)
    (directory / "main.py").write_text("main.py")
    assert take_snapshot(directory).digest == first
    (directory / "main.py").rename(directory / "main2.py")
    assert take_snapshot(directory).digest != first


def test_what_is_ignored_does_not_change_the_digest(tree: Tree) -> None:
    directory = tree(git="*.csv")
    first = take_snapshot(directory).digest
    (directory / "data/raw.csv").write_text("other")
    (directory / "data/new.csv").write_text("more")
    assert take_snapshot(directory).digest == first


def test_a_link_counts_by_where_it_points_and_is_not_followed(tree: Tree) -> None:
    directory = tree()
    (directory / "link").symlink_to("main.py")
    (directory / "dangling").symlink_to("nowhere")
    (directory / "folder").symlink_to("src")
    first = take_snapshot(directory)
    assert {"link", "dangling", "folder"} < set(first.paths)
    (directory / "link").unlink()
    (directory / "link").symlink_to("notes.txt")
    assert take_snapshot(directory).digest != first.digest


def test_requirements_are_read_from_the_snapshot(tree: Tree) -> None:
    directory = tree()
    assert take_snapshot(directory).requirements is None
    (directory / "requirements.txt").write_text("numpy\n")
    assert take_snapshot(directory).requirements == b"numpy\n"
    (directory / ".gitignore").write_text("requirements.txt\n")
    assert take_snapshot(directory).requirements is None


def test_the_same_files_give_the_same_archive_byte_for_byte(tree: Tree, tmp_path: Path) -> None:
    directory = tree()
    (directory / "main.py").chmod(0o755)
    (directory / "link").symlink_to("main.py")
    snapshot = take_snapshot(directory)
    write_archive(snapshot, tmp_path / "a" / "one.tar.gz")
    os.utime(directory / "main.py", (0, 0))
    write_archive(take_snapshot(directory), tmp_path / "two.tar.gz")
    assert (tmp_path / "a" / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "two.tar.gz") as archive:
        members = {member.name: member for member in archive}
        assert set(members) == set(snapshot.paths)
        assert members["main.py"].mode & 0o111
        assert not members["notes.txt"].mode & 0o111
        assert members["link"].linkname == "main.py"
        content = archive.extractfile("src/model.py")
        assert content is not None
        assert content.read() == b"src/model.py"
        assert {(member.uid, member.gid, member.uname) for member in members.values()} == {(0, 0, "")}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["one.tar.gz"]


def test_a_file_that_changes_while_it_is_copied_is_noticed(tree: Tree, tmp_path: Path) -> None:
    directory = tree()
    snapshot = take_snapshot(directory)
    (directory / "main.py").write_text("changed")
    with pytest.raises(SnapshotError, match="changed while they were copied"):
        write_archive(snapshot, tmp_path / "code.tar.gz")
    (directory / "main.py").unlink()
    with pytest.raises(SnapshotError, match="can't be copied"):
        write_archive(snapshot, tmp_path / "code.tar.gz")
    assert not (tmp_path / "code.tar.gz").exists()
    assert not list(tmp_path.glob(".code-*"))


def test_a_directory_that_is_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"^the project's files can't be read: No such file or directory: .*gone$"):
        take_snapshot(tmp_path / "gone")


def test_an_entrypoint_is_looked_for_by_its_normal_path() -> None:
    paths = frozenset({"main.py", "src/model.py"})
    assert not missing_file(paths, "main.py")
    assert not missing_file(paths, "./main.py")
    assert not missing_file(paths, "src//model.py")
    assert missing_file(paths, "model.py")
