# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The page for the municipality's site as one file of HTML that loads nothing from anywhere.

Invariant: it has the words of the notice and no others, so that its code is the notice's; it runs no script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape

from daemon.model.site import Answer
from daemon.model.wording import Notice

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --link: #0b3d7a; --line: #c5ccd6; --soft: #eef2f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e9ecf1; --paper: #14171c; --link: #9cc4ff; --line: #444c58; --soft: #1f252d; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 44rem; padding: 1.5rem 1.25rem 3rem; background: var(--paper); color: var(--ink);
  font: 1.125rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; overflow-wrap: break-word;
}
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0.5rem 0 1rem; }
h2 {
  font-size: 1.3rem; line-height: 1.3; margin: 2.25rem 0 0.5rem; padding-top: 1rem; border-top: 1px solid var(--line);
}
p { margin: 0 0 0.9rem; }
nav { margin: 1.5rem 0 0; padding: 0.5rem 1.25rem; border-left: 0.3rem solid var(--link); background: var(--soft); }
nav ul { list-style: none; margin: 0; padding: 0; }
a { color: var(--link); display: inline-block; padding: 0.3rem 0; }
a:focus-visible { outline: 0.2rem solid var(--link); outline-offset: 0.15rem; }
footer { margin-top: 2.5rem; padding-top: 1rem; border-top: 0.2rem solid var(--link); }
footer p { margin: 0; }
@media print {
  :root { --ink: #000000; --paper: #ffffff; --link: #000000; --line: #999999; }
  body { max-width: none; padding: 0; font-size: 11pt; line-height: 1.4; }
  nav { display: none; }
  h2 { break-after: avoid; margin-top: 1rem; }
  p { orphans: 3; widows: 3; }
}
"""


def html(notice: Notice, lead: str, answers: Iterable[Answer]) -> bytes:
    """The page, of the notice `page`, in UTF-8."""
    return ("\n".join(_lines(notice, lead, tuple(answers))) + "\n").encode()


def _lines(notice: Notice, lead: str, answers: tuple[Answer, ...]) -> Iterator[str]:
    style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    name = f"{notice.title} - {notice.sender[0]}" if notice.sender else notice.title
    yield '<!DOCTYPE html>\n<html lang="nl">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'\">"
    yield f"<title>{escape(name)}</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    yield f"<main>\n<h1>{escape(notice.title)}</h1>\n<p>{escape(lead)}</p>"
    if answers:
        yield '<nav aria-label="Vragen">\n<ul>'
        for number, answer in enumerate(answers, 1):
            yield f'<li><a href="#vraag-{number}">{escape(answer.question)}</a></li>'
        yield "</ul>\n</nav>"
    for number, answer in enumerate(answers, 1):
        yield f'<section aria-labelledby="vraag-{number}">\n<h2 id="vraag-{number}">{escape(answer.question)}</h2>'
        yield from (f"<p>{escape(paragraph)}</p>" for paragraph in answer.paragraphs)
        yield "</section>"
    yield "</main>\n<footer>"
    yield from (f"<p>{escape(line)}</p>" for line in notice.foot())
    yield "</footer>\n</body>\n</html>"
