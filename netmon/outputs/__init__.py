"""Outputs: Prometheus, MQTT, InfluxDB. Each is told what the ledger holds; none feeds back."""
