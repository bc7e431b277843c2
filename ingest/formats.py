"""The formats that `parley ingest` knows, by the names that people type. Imports nothing: every command loads this."""

FORMATS = {
    "addresses": "ingest.addresses",
    "csv": "ingest.csv_",
    "fts": "ingest.fts",
    "iati": "ingest.iati",
    "kiel": "ingest.kiel",
    "ndjson": "ingest.ndjson",
    "wikidata-posts": "ingest.wikidata_posts",
}
ROWS = 2_000  # of a batch, unless said otherwise
