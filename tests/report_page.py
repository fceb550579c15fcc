"""Reads the page of a report: for tests of the numbers that stand in it."""

import html.parser

VOID = {"meta", "img"}  # elements without an end


class ReportPage(html.parser.HTMLParser):
    """What a page holds. Elements that are not closed, or closed in another order, are errors."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.tables, self.tiles, self.attributes = [], [], {}, {}, []
        self.text, self.term, self.values = "", "", []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.attributes.append((tag, values))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.rows = []
        if tag == "tr":
            self.rows.append([])
        if tag in ("caption", "td", "th", "dt", "dd"):
            self.text, self.values = "", []
        if tag == "data":
            self.values.append(float(values["value"]))

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        found = self.open.pop()
        assert found == tag, (found, tag, self.getpos())
        if tag == "caption":
            self.caption = self.text
        if tag in ("td", "th"):
            self.rows[-1].append((self.text, list(self.values)))
        if tag == "table":
            self.tables.setdefault(self.caption, []).append(self.rows)
        if tag == "dt":
            self.term = self.text
        if tag == "dd" and self.values:
            self.tiles[self.term] = self.values[0]
