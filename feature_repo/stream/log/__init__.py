"""The event log: one protocol, on Valkey Streams or Kafka."""
