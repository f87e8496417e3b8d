"""Checks the API reference and the Markdown files: usage: docs.py TARGET/doc"""
import pathlib
import re
import subprocess
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"""(?:href|src)=["']?([^"'\s>\\]+)""")
# [text](target) outside of code.
MARKDOWN_LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
# What needs a feature, and the feature that its page must name.
NEEDS = {
    "handshake/index.html": "handshake",
    "handshake/server/struct.Accept.html": "handshake",
    "deflate/index.html": "deflate",
    "deflate/struct.Inflate.html": "deflate",
    "struct.Compressed.html": "deflate",
    "session/struct.Session.html": "deflate",
    "deflate/struct.InflateAssembler.html": "deflate",
    "struct.Content.html": "deflate",
    "struct.OsKeys.html": "getrandom",
    "struct.Config.html": "deflate",
}


def is_external(link):
    return re.match(r"[a-z]+:", link) or link.startswith(("#", "//"))


def reference(folder):
    """Links of the generated pages that lead nowhere, and pages that do not name their feature."""
    pages = [page for page in folder.glob("barews/**/*.html")]
    if not pages:
        yield f"no pages in {folder}"
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for link in LINK.findall(text):
            path = urllib.parse.unquote(link.split("#")[0].split("?")[0])
            # The pages of the source are not built for the check.
            if is_external(link) or not path or "/src/" in path or "static.files" in path:
                continue
            if not (page.parent / path).exists():
                yield f"{page.relative_to(folder)}: {link}"
    for name, feature in NEEDS.items():
        page = folder / "barews" / name
        text = page.read_text(encoding="utf-8") if page.exists() else ""
        if f"<strong>crate feature <code>{feature}</code></strong>" not in text:
            yield f"{name}: does not name its feature {feature}"


def anchors(text):
    for heading in HEADING.findall(CODE.sub(lambda code: code[0] if code[0].count("`") == 2 else "", text)):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def markdown():
    """Relative links of the Markdown files that lead nowhere."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    for name in names:
        path = ROOT / name
        if not path.exists():
            continue
        for link in MARKDOWN_LINK.findall(CODE.sub("", path.read_text(encoding="utf-8"))):
            # rustdoc checks paths of items, in the Markdown files that src includes.
            if re.match(r"[a-z]+:", link) or "::" in link:
                continue
            target, _, anchor = link.partition("#")
            there = (path.parent / target) if target else path
            if not there.exists():
                yield f"{name}: {link}"
            elif anchor and there.suffix == ".md" and anchor not in set(anchors(there.read_text(encoding="utf-8"))):
                yield f"{name}: no heading {link}"


def main():
    wrong = sorted({*reference(pathlib.Path(sys.argv[1])), *markdown()})
    for line in wrong:
        print(line)
    print(f"docs: {len(wrong)} wrong")
    return 1 if wrong else 0


sys.exit(main())
