"""Reference ingestion clients: they speak HTTP to the API, like anyone else's, and never import db."""
