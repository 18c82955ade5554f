"""The shape of the code, held by contracts rather than by habit."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_imports_point_downwards_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert "0 broken" in ended.stdout


def test_one_place_commits() -> None:
    commits = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "backend").rglob("*.py")
        if ".commit()" in path.read_text()
    ]
    assert {str(Path(path).parent) for path in commits} == {"backend/database"}


def test_the_migrations_are_no_package() -> None:
    """A package of this name would shadow the library."""
    assert not (ROOT / "alembic" / "__init__.py").exists()


def map_of_the_tree() -> set[str]:
    """The folders and files of the map in docs/architecture.md; what is indented is within."""
    block = (ROOT / "docs" / "architecture.md").read_text().split("```\n")[1]
    found, folders = set(), dict[int, str]()
    for line in block.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        path = "".join(folders[above] for above in range(depth)) + name
        if name.endswith("/"):
            folders[depth] = name
        found.add(path.rstrip("/"))
    return found


def test_the_map_is_the_tree() -> None:
    """Every folder at the top, and each folder and module of the application; and nothing else."""
    hidden = {".ci"}
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    top = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir()
        and (path.name in hidden or not path.name.startswith("."))
        and f"{path.name}/" not in ignored
        and path.suffix != ".egg-info"
    }
    modules = {
        path.relative_to(ROOT)
        for kind in ("*.py", "*.sql")
        for path in (ROOT / "backend").rglob(kind)
        if path.name != "__init__.py"
    }
    within = {str(folder) for module in modules for folder in module.parents} - {"."}
    assert map_of_the_tree() == top | within | {str(module) for module in modules}


DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("bench", "emulator", "frontend")),
]


def test_every_file_that_a_document_names_is_there() -> None:
    missing = []
    for document in DOCUMENTS:
        named = re.findall(
            r"[`( ]((?:[\w.-]+/)+[\w.-]+\.(?:py|sql|md|ts|svg|json|toml|html|svelte))\b",
            document.read_text(),
        )
        near = (ROOT, ROOT / "backend", document.parent)
        missing += [
            f"{document.relative_to(ROOT)}: {name}"
            for name in named
            if not any((folder / name).exists() for folder in near)
        ]
    assert not missing, "\n".join(missing)


def headings(document: Path) -> set[str]:
    """As fragments of its address."""
    found = re.findall(r"^#+ (.*)", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_every_link_within_the_documents_leads_somewhere() -> None:
    lost = []
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s:]+)\)", document.read_text()):
            path, _, fragment = target.partition("#")
            there = document.parent / path if path else document
            if not there.exists() or (fragment and fragment not in headings(there)):
                lost.append(f"{document.relative_to(ROOT)}: {target}")
    assert not lost, "\n".join(lost)
