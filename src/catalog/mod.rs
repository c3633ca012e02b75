//! Connector templates: schema, loading, placeholders, linting, search. Pure.
