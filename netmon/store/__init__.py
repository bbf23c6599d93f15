"""The ledger: schema, migrations, writer and queries; the receipt chain; the outbox; cursors."""
