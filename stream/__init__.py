"""The edges and the wiring: command line, config, Kafka, the dataflow, metrics, HTTP, demo."""
