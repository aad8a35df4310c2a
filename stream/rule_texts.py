"""What the annotations of alerts on models say: templates that Prometheus expands at each evaluation.

A description asks Prometheus for values and thresholds at that moment; it may change while the alert fires, for
annotations, unlike labels, are no part of its identity. What has no series (categories never seen, values out of range)
is in the alert event only.
"""

from __future__ import annotations

from stream.rules_thresholds import THRESHOLD

_VERSION = "{{ $labels.model }}{{ with $labels.version }} version {{ . }}{{ end }}"
_WHERE = f"{_VERSION}{{{{ with $labels.segment }}}} for {{{{ . }}}}{{{{ end }}}}"

SUMMARIES: dict[str, str] = {
    "DataDrift": f"Features of {_WHERE} moved away from the reference",
    "PredictionDrift": f"The predictions of {_WHERE} moved away from the reference",
    "ConceptDrift": f"The outcomes that {_WHERE} predicts follow another pattern than before",
    "PerformanceDrop": f"{_WHERE} performs worse than its baseline",
    "SlaBreach": f"{_WHERE} misses an objective",
    "DataQuality": f"Too many values of {_WHERE} are missing, unseen or out of range",
    "FeatureStale": f"A feature of {_WHERE} has stopped having values while predictions go on",
    "NoData": f"No predictions of {_WHERE}, and Kafka has none waiting",
    "LabelStall": f"Labels of {_WHERE} have stopped coming",
    "Anomaly": f"{_WHERE} behaves unlike before",
}
"""Alert kind -> summary. Its keys are the kinds that have a rule."""

_AT = '{{- $at := printf "model=%q,version=%q,segment=%q" $labels.model $labels.version $labels.segment -}}'


def _limit(monitors: str) -> str:
    return (
        f'{{{{- $limit := printf "min by (metric) ({THRESHOLD}{{model=%q,monitor=~\\"{monitors}\\",level=~%q}})"'
        " $labels.model $level -}}"
    )


# Each feature once, by the distance that is furthest past its limit; %s is filled with selectors.
_DATA_DRIFT = f"""\
{_AT}
{_limit("drift[.].*")}
{{{{- $worst := printf "topk(5, max by (feature) (driftgauge_feature_drift_bound{{%s}} / on (metric) group_left () %s) > 1)" $at $limit -}}}}
Past their limits:
{{{{- range query $worst }}}}
{{{{- $feature := .Labels.feature }}}}
{{{{- $by := printf "topk(1, max by (metric, window) (driftgauge_feature_drift_bound{{%s,feature=%q}}) / on (metric) group_left () %s)" $at $feature $limit }}}}
{{{{- range query $by }}}} {{{{ $feature }}}} ({{{{ .Labels.metric }}}}
{{{{- range query (printf "driftgauge_feature_drift{{%s,feature=%q,metric=%q,window=%q}}" $at $feature .Labels.metric .Labels.window) }}}} {{{{ printf "%.3g" .Value }}}}{{{{ end }}}}
{{{{- range query (printf "%s and on (metric) label_replace(vector(0), \\"metric\\", %q, \\"\\", \\"\\")" $limit .Labels.metric) }}}}, limit {{{{ printf "%.3g" .Value }}}}{{{{ end }}}} over {{{{ .Labels.window }}}})
{{{{- end }}}};
{{{{- else }}}} nothing at this moment.
{{{{- end }}}}"""

_PREDICTION_DRIFT = f"""\
{_AT}
{_limit("prediction[.].*")}
{{{{- $by := printf "topk(3, max by (metric, window) (driftgauge_prediction_drift_bound{{%s}}) / on (metric) group_left () %s > 1)" $at $limit -}}}}
Past their limits:
{{{{- range query $by }}}} {{{{ .Labels.metric }}}}
{{{{- range query (printf "driftgauge_prediction_drift{{%s,metric=%q,window=%q}}" $at .Labels.metric .Labels.window) }}}} {{{{ printf "%.3g" .Value }}}}{{{{ end }}}}
{{{{- range query (printf "%s and on (metric) label_replace(vector(0), \\"metric\\", %q, \\"\\", \\"\\")" $limit .Labels.metric) }}}} (limit {{{{ printf "%.3g" .Value }}}}{{{{ end }}}} over {{{{ .Labels.window }}}});
{{{{- else }}}} nothing at this moment.
{{{{- end }}}}"""

_SLA_BREACH = """\
{{- $at := printf "model=%q,version=%q" $labels.model $labels.version -}}
Missed beyond chance:
{{- range query (printf "driftgauge_sla_violated{%s} == 1" $at) }} {{ .Labels.sla }}
{{- $sla := .Labels.sla }}
{{- range query (printf "driftgauge_sla_value{%s,sla=%q}" $at $sla) }} {{ printf "%.5g" .Value }}{{ end }}
{{- range query (printf "driftgauge_sla_objective{%s,sla=%q}" $at $sla) }} (objective {{ printf "%.5g" .Value }}){{ end }};
{{- else }} nothing at this moment.
{{- end }}"""

_DATA_QUALITY = f"""\
{{{{- $missing := printf "driftgauge_feature_missing_ratio{{model=%q,version=%q}} > on (model) group_left () {THRESHOLD}{{model=%q,monitor=\\"quality.missing\\"}}" $labels.model $labels.version $labels.model -}}
Most missing:
{{{{- range query (printf "topk(5, %s)" $missing) }}}} {{{{ .Labels.feature }}}} {{{{ .Value | humanizePercentage }}}};
{{{{- else }}}} nothing past the limit; unseen or out-of-range values have no series.
{{{{- end }}}}
{{{{- range query (printf "{THRESHOLD}{{model=%q,monitor=\\"quality.missing\\"}}" $labels.model) }}}} The limit is {{{{ .Value | humanizePercentage }}}} above the reference's own share.{{{{ end }}}}"""

_FEATURE_STALE = f"""\
{{{{- $stale := printf "driftgauge_feature_age_seconds{{model=%q,version=%q}} > on (model) group_left () {THRESHOLD}{{model=%q,monitor=\\"quality.stale\\"}}" $labels.model $labels.version $labels.model -}}
Without a value for:
{{{{- range query (printf "topk(5, %s)" $stale) }}}} {{{{ .Labels.feature }}}} {{{{ .Value | humanizeDuration }}}};
{{{{- else }}}} nothing at this moment.
{{{{- end }}}}
{{{{- range query (printf "{THRESHOLD}{{model=%q,monitor=\\"quality.stale\\"}}" $labels.model) }}}} The limit is {{{{ .Value | humanizeDuration }}}}.{{{{ end }}}}"""

_NO_DATA = f"""\
{{{{- range query (printf "{THRESHOLD}{{model=%q,monitor=\\"quality.no_data\\"}}" $labels.model) -}}}}
None for more than {{{{ .Value | humanizeDuration }}}}.{{{{ end }}}}"""

DESCRIPTIONS: dict[str, str] = {
    "DataDrift": _DATA_DRIFT,
    "PredictionDrift": _PREDICTION_DRIFT,
    "SlaBreach": _SLA_BREACH,
    "DataQuality": _DATA_QUALITY,
    "FeatureStale": _FEATURE_STALE,
    "NoData": _NO_DATA,
}
"""Alert kind -> description; kinds without one are described by their event alone."""
