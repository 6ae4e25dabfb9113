"""Checks the crates that are published: their manifests, and the archives of `make packages`.

- `packages.py check [FOLDER]`: the manifests, and the archives in this folder
- `packages.py address`: the public address; fails while there is none
- `packages.py version X.Y.Z`: fails unless each crate has this version
- `packages.py sbom FOLDER`: reduces the bills of materials there to what is built
- `packages.py program FOLDER`: builds the program of README.md there, with its dependencies
- `packages.py notices FILE`: the licences of what is built into the command and the Python package
- `packages.py oldest`: a line for each `rust-version`, with the crates that promise it
"""

import json
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = ("core", "scheduler", "hyper", "auth", "countermand", "fleet", "emulator", "cli")
# Comes with the emulator alone: makes certificates.
EMULATED = "rcgen"
# What crates.io accepts.
LICENCE = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)", re.IGNORECASE)
KEYWORDS, KEYWORD = 5, re.compile(r"[a-z0-9][a-z0-9_+-]{0,19}")


def metadata() -> list[dict]:
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version", "1"]
    return json.loads(subprocess.check_output(command, cwd=ROOT))["packages"]


def version(text: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in (text or "0").split("."))[:2]


def published(packages: list[dict]) -> list[dict]:
    folders = {str(ROOT / "crates" / name / "Cargo.toml"): name for name in PUBLISHED}
    chosen = [package for package in packages if package["manifest_path"] in folders]
    ours = [p for p in packages if p["source"] is None and p["publish"] != []]
    assert chosen == ours, f"published are {[p['name'] for p in ours]}, listed here {PUBLISHED}"
    return chosen


def addresses(packages: list[dict]) -> set[str]:
    """The public address as each crate and the Python package have it."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"].get("urls", {})
    pages = {url for word, url in urls.items() if word.lower() in ("repository", "source")}
    return {package["repository"] or "" for package in packages} | pages


def check_manifest(package: dict, packages: dict[str, dict]) -> None:
    name = package["name"]
    assert package["description"], name
    assert package["license"] == "MIT OR Apache-2.0", name
    assert 1 <= len(package["keywords"]) <= KEYWORDS, (name, package["keywords"])
    assert all(KEYWORD.fullmatch(word) for word in package["keywords"]), (name, package["keywords"])
    assert package["categories"], name
    assert package["metadata"]["docs"]["rs"]["all-features"] is True, name
    for dependency in package["dependencies"]:
        other = packages.get(dependency["name"])
        if other is None or dependency["path"] is None:
            continue
        what = f"{name} on {other['name']}"
        if dependency["kind"] == "dev":
            # A version would make a circle of crates that wait for each other to be published.
            assert dependency["req"] == "*", f"{what}: a dev-dependency by path alone"
        else:
            assert dependency["req"] == f"^{other['version']}", f"{what}: {dependency['req']}"
            assert version(other["rust_version"]) <= version(package["rust_version"]), what


def check_tree() -> None:
    command = ["cargo", "tree", "--locked", "--offline", "--package", "countermand-cli"]
    full = subprocess.check_output(command, cwd=ROOT, text=True)
    less = subprocess.check_output([*command, "--no-default-features"], cwd=ROOT, text=True)
    assert f" {EMULATED} v" in full
    assert f" {EMULATED} v" not in less, "the command without the emulator still depends on it"


def check_archive(package: dict, folder: Path) -> None:
    stem = f"{package['name']}-{package['version']}"
    with tarfile.open(folder / f"{stem}.crate") as archive:
        files = {m.name.removeprefix(f"{stem}/"): m for m in archive.getmembers()}
        assert all(member.isfile() for member in files.values()), f"{stem}: a link"
        for licence in ("LICENSE-MIT", "LICENSE-APACHE"):
            content = archive.extractfile(files[licence]).read()
            assert content == (ROOT / licence).read_bytes(), f"{stem}: {licence}"
        readme = archive.extractfile(files["README.md"]).read().decode()
    assert readme.startswith(f"# {package['name']}\n"), f"{stem}: README.md of another crate"
    relative = re.findall(r"\]\((?!https://)[^)]*\)", readme)
    assert not relative, f"{stem}: links that are dead on crates.io: {relative}"
    strange = [name for name in files if name.startswith("tests/")]
    assert not strange, f"{stem}: {strange}"
    print(f"{stem}.crate: {len(files)} files, {(folder / f'{stem}.crate').stat().st_size:,} bytes")


def tree(package: str, edges: str) -> set[tuple[str, ...]]:
    """Names and versions of what is built into a package."""
    command = ["cargo", "tree", "--locked", "--offline", "--package", package, "--target", "all"]
    options = ["--prefix", "none", "--edges", edges, "--format", "{p}"]
    lines = subprocess.check_output([*command, *options], cwd=ROOT, text=True).splitlines()
    return {tuple(line.split()[:2]) for line in lines if line}


def notices(file: Path, packages: list[dict]) -> None:
    """The texts of licences, each once, with the crates that are under it."""
    built = tree("countermand-cli", "normal") | tree("countermand-python", "normal")
    texts: dict[str, list[str]] = {}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if package["source"] is None or (package["name"], f"v{package['version']}") not in built:
            continue
        folder = Path(package["manifest_path"]).parent
        files = [f for f in sorted(folder.iterdir()) if LICENCE.match(f.name) and f.is_file()]
        found = [f.read_text(encoding="utf-8", errors="replace").strip() for f in files]
        if not found:
            authors = ", ".join(package["authors"]) or "its authors"
            found = [f"Licence: {package['license']}. Copyright: {authors}. It has no text."]
        for text in found:
            texts.setdefault(text, []).append(name)
    parts = [f"{', '.join(names)}\n\n{text}\n" for text, names in texts.items()]
    head = "The software that is named here is part of this program, under these licences.\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"\n{'=' * 80}\n".join([head, *parts]), encoding="utf-8")
    print(f"{file.name}: {len(texts)} texts, {file.stat().st_size:,} bytes")


def prune_sbom(file: Path) -> None:
    """Removes packages of features that are off, which cargo-cyclonedx lists as well."""
    bill = json.loads(file.read_text().replace(str(ROOT), "/countermand"))
    own = bill["metadata"]["component"]
    command = ["cargo", "tree", "--locked", "--offline", "--package", own["name"]]
    options = ["--prefix", "none", "--edges", "normal,build", "--format", "{p}"]
    tree = subprocess.check_output([*command, *options], cwd=ROOT, text=True)
    built = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    parts = {(part["name"], f"v{part['version']}"): part for part in [own, *bill["components"]]}
    assert parts.keys() >= built, f"{file.name} lacks {built - parts.keys()}"
    kept = {part["bom-ref"] for key, part in parts.items() if key in built}
    bill["components"] = [part for part in bill["components"] if part["bom-ref"] in kept]
    bill["dependencies"] = [
        edge | {"dependsOn": [ref for ref in edge.get("dependsOn", []) if ref in kept]}
        for edge in bill["dependencies"]
        if edge["ref"] in kept
    ]
    file.write_text(json.dumps(bill, indent=2) + "\n")
    print(f"{file.name}: {len(kept)} packages")


def build_program(folder: Path) -> None:
    """Checks that a stranger's package needs no more than README.md says."""
    readme = (ROOT / "README.md").read_text()
    (manifest,) = re.findall(r"^```toml\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (program,) = re.findall(r"^```rust[^\n]*\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.rs").write_text(program)
    lines = ["[package]", 'name = "program"', 'edition = "2024"', manifest, "[workspace]"]
    lines.append("[patch.crates-io]")
    for name in PUBLISHED:
        crate = ROOT / "crates" / name
        package = tomllib.loads((crate / "Cargo.toml").read_text())["package"]["name"]
        lines.append(f"{package}.path = {json.dumps(str(crate))}")
    (folder / "Cargo.toml").write_text("\n".join(lines))
    (folder / "Cargo.lock").write_bytes((ROOT / "Cargo.lock").read_bytes())
    subprocess.check_call(["cargo", "check", "--offline", "--quiet"], cwd=folder)


def main() -> None:
    packages = metadata()
    chosen = published(packages)
    match sys.argv[1:]:
        case ["check", *folder]:
            found = addresses(chosen)
            assert len(found) == 1, f"different public addresses: {found}"
            for package in chosen:
                check_manifest(package, {p["name"]: p for p in chosen})
                for archives in folder:
                    check_archive(package, Path(archives))
            check_tree()
        case ["address"]:
            (address,) = addresses(chosen)
            assert address.startswith("https://"), "Cargo.toml has no `repository` yet"
            print(address)
        case ["sbom", folder]:
            for file in sorted(Path(folder).iterdir()):
                prune_sbom(file)
        case ["notices", file]:
            notices(Path(file), packages)
        case ["version", expected]:
            found = {package["version"] for package in chosen}
            assert found == {expected}, f"expected {expected}, found {found}"
        case ["program", folder]:
            build_program(Path(folder))
        case ["oldest"]:
            for oldest in sorted({package["rust_version"] for package in chosen}, key=version):
                names = [p["name"] for p in chosen if p["rust_version"] == oldest]
                print(oldest, *(f"--package {name}" for name in names))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
