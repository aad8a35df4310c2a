"""One Bytewax step a file: decode, fold, close, slice, ring, measure, judge, alert. No I/O, no clock.

The words of the project, one each, everywhere:

- prediction: what a model answered, with its features. feedback: an event about a past prediction; label: its truth.
- reference: a profile of what is normal, with a content hash as its id.
- pane: the smallest slice of event time; window: panes merged; slice: the part by which a window moves on (its slide).
- sketch: a mergeable summary, here a vector of integers; layout: where each of its counts stands.
- watermark: the event time before which nothing more is expected; lateness: how far behind it a record still counts.
- segment: the predictions with one value of a key, such as country=DE; WHOLE is all of a version; OTHER is the rest.
- evaluation: a measured value with its interval and sample size. Table: the same for many groups and columns.
- monitor: a rule that judges evaluations; stream (of a judge): one monitor over one window, version and segment.
- finding: a breach that stands; alert: findings of one kind with a life (firing, updated, resolved); cause: what moved.
- cohort: the predictions of one moment, with whatever labels have come; maturity: the share of those that have come.
- stub: what is kept of a prediction for its labels; history: what was said of it; shard: a part of the join, by id.
- tick: the moment at which a model is looked at; due: what belongs to it. Known: what has become certain by then.
- dead letter: a record that could not be read, with its bytes and a reason. Report: what metrics are made of.
- action: a request to another system.
"""
