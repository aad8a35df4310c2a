"""The pure floor: panes, sketches, distances, references, intervals. No Kafka, no Bytewax, no clock."""
