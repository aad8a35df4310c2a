"""Settings of the edges, a file each: Kafka, HTTP, Alertmanager, the state and the workers."""
