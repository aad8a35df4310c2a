"""What the annotations of alerts on models say: templates that Prometheus expands at each evaluation.

A description asks Prometheus for values and thresholds at that moment; it may change while the alert fires, for
annotations, unlike labels, are no part of its identity. What has no series (categories never seen, values out of range)
is in the alert event only.
"""

from __future__ import annotations

from operators.settings.alerts import ALERTS

_VERSION = "{{ $labels.model }}{{ with $labels.version }} version {{ . }}{{ end }}"
_WHERE = _VERSION + "{{ with $labels.segment }} for {{ . }}{{ end }}"

SUMMARIES: dict[str, str] = {alert: row.sentence.format(where=_WHERE) for alert, row in ALERTS.items()}
"""Alert kind -> summary, as a template of Prometheus. Its keys have a rule each."""


def summary_of(alert: str, model: str, version: str, segment: str) -> str:
    """The summary of one alert in plain words."""
    where = model + (f" version {version}" if version else "") + (f" for {segment}" if segment else "")
    return ALERTS[alert].sentence.format(where=where)


# Each feature once, by the distance that is furthest past its limit. $level is set by the rule. <( )> stand around what
# is looked at over time where nothing is past its limit at this moment.
_DRIFTED = """\
{{- $feature := .Labels.feature }}
  {{- $by := printf `topk(1, max by (metric, window) (
    <(driftgauge_feature_drift_bound{%s,feature=%q})> / on (metric) group_left () %s))` $at $feature $limit }}
  {{- range query $by }}
    {{- $metric := .Labels.metric }}
    {{- $one := printf `%s,feature=%q,metric=%q,window=%q` $at $feature $metric .Labels.window }} {{ $feature }} (
    {{- $metric }}{{ range query (printf `<(driftgauge_feature_drift{%s})>` $one) }} {{ printf "%.3g" .Value }}{{ end }}
    {{- range query (printf `min(driftgauge:threshold{model=%q,monitor="drift.%s",level=~%q})`
      $labels.model $metric $level) }}, limit {{ printf "%.3g" .Value }}{{ end }} over {{ .Labels.window }})
  {{- end }};"""

_PREDICTED = """\
{{- $metric := .Labels.metric }} {{ $metric }}
  {{- range query (printf `<(driftgauge_prediction_drift{%s,metric=%q,window=%q})>` $at $metric .Labels.window) -}}
  {{ printf " %.3g" .Value }}{{ end }} (
  {{- range query (printf `min(driftgauge:threshold{model=%q,monitor="prediction.%s",level=~%q})`
    $labels.model $metric $level) }}limit {{ printf "%.3g" .Value }}{{ end }} over {{ .Labels.window }});"""

_MOVED = """\
Past their limits:
{{- range query $worst }}
  <now>
{{- else }}
{{- with query $lately }} nothing now; in the last <lately>:
{{- range . }}
  <then>
{{- end }}
{{- else }} <ended>
{{- end }}
{{- end }}"""

_LATELY = "15m"
"""A page that comes, or is read, a moment after it began to end still says why: as long as an alert outlives its cause,
where `resolve_after` and `keep_firing_for` are as shipped."""


def _moved(one: str) -> str:
    """What is past its limit, each told by `one`; where nothing is any more, what was a moment ago."""
    now = one.replace("<(", "").replace(")>", "")
    then = one.replace("<(", "max_over_time(").replace(")>", f"[{_LATELY}])")
    return _MOVED.replace("<now>", now).replace("<then>", then).replace("<lately>", _LATELY)


_DATA_DRIFT = (
    """\
{{- $at := printf `model=%q,version=%q,segment=%q` $labels.model $labels.version $labels.segment -}}
{{- $limit := printf `min by (metric) (driftgauge:threshold{model=%q,monitor=~"drift[.].+",level=~%q})`
  $labels.model $level -}}
{{- $worst := printf `topk(5, max by (feature) (
  driftgauge_feature_drift_bound{%s} / on (metric) group_left () %s) > 1)` $at $limit -}}
{{- $lately := printf `topk(5, max by (feature) (
  max_over_time(driftgauge_feature_drift_bound{%s}[<lately>]) / on (metric) group_left () %s) > 1)` $at $limit -}}
""".replace("<lately>", _LATELY)
    + _moved(_DRIFTED)
)

_PREDICTION_DRIFT = (
    """\
{{- $at := printf `model=%q,version=%q,segment=%q` $labels.model $labels.version $labels.segment -}}
{{- $limit := printf `min by (metric) (driftgauge:threshold{model=%q,monitor=~"prediction[.].+",level=~%q})`
  $labels.model $level -}}
{{- $worst := printf `topk(3, max by (metric, window) (
  driftgauge_prediction_drift_bound{%s} / on (metric) group_left () %s) > 1)` $at $limit -}}
{{- $lately := printf `topk(3, max by (metric, window) (
  max_over_time(driftgauge_prediction_drift_bound{%s}[<lately>]) / on (metric) group_left () %s) > 1)` $at $limit -}}
""".replace("<lately>", _LATELY)
    + _moved(_PREDICTED)
)

_SLA_BREACH = """\
{{- $at := printf `model=%q,version=%q` $labels.model $labels.version -}}
Missed beyond chance:
{{- range query (printf `driftgauge_sla_violated{%s} == 1` $at) }}
  {{- $one := printf `%s,sla=%q` $at .Labels.sla }} {{ .Labels.sla }}
  {{- range query (printf `driftgauge_sla_value{%s}` $one) }} {{ printf "%.5g" .Value }}{{ end }}
  {{- range query (printf `driftgauge_sla_objective{%s}` $one) }} (objective {{ printf "%.5g" .Value }}){{ end }};
{{- else }} <ended>
{{- end }}"""

_DATA_QUALITY = """\
{{- $limit := printf `driftgauge:threshold{model=%q,monitor="quality.missing"}` $labels.model -}}
{{- $missing := printf `topk(5, driftgauge_feature_missing_ratio{model=%q,version=%q} > on (model) group_left () %s)`
  $labels.model $labels.version $limit -}}
Missing:
{{- range query $missing }} {{ .Labels.feature }} {{ .Value | humanizePercentage }};
{{- else }} nothing past the limit (unseen and out-of-range values have no series).
{{- end }}
{{- range query (printf `topk(5, driftgauge_feature_mismatch_ratio{model=%q,version=%q} > on (model) group_left ()
  driftgauge:threshold{model=%q,monitor="quality.mismatch"})` $labels.model $labels.version $labels.model) }}
  {{- "" }} Of another type: {{ .Labels.feature }} {{ .Value | humanizePercentage }};
{{- end }}
{{- range query $limit }} The limit is {{ .Value | humanizePercentage }} above the reference's own share.{{ end }}"""

_FEATURE_STALE = """\
{{- $limit := printf `driftgauge:threshold{model=%q,monitor="quality.stale"}` $labels.model -}}
{{- $stale := printf `topk(5, driftgauge_feature_age_seconds{model=%q,version=%q} > on (model) group_left () %s)`
  $labels.model $labels.version $limit -}}
Without a value for:
{{- range query $stale }} {{ .Labels.feature }} {{ .Value | humanizeDuration }};
{{- else }} <ended>
{{- end }}
{{- range query $limit }} The limit is {{ .Value | humanizeDuration }}.{{ end }}"""

_NO_DATA = """\
{{- range query (printf `driftgauge:threshold{model=%q,monitor="quality.no_data"}` $labels.model) -}}
None for more than {{ .Value | humanizeDuration }}.
{{- else -}}
None for longer than is usual at this hour.
{{- end }}"""

_PERFORMANCE_DROP = """\
{{- $at := printf `model=%q,version=%q,segment=%q` $labels.model $labels.version $labels.segment -}}
Measured, and what it is compared with:
{{- range query (printf `topk(5, driftgauge_performance_baseline{%s})` $at) }}
  {{- $base := .Value }} {{ .Labels.metric }}
  {{- range query (printf `driftgauge_performance{%s,metric=%q,window=%q}` $at .Labels.metric .Labels.window) -}}
  {{ printf " %.4g" .Value }}{{ end }} ({{ .Labels.baseline }} {{ printf "%.4g" $base }} over {{ .Labels.window }});
{{- else }} the event has the figures.
{{- end }}"""

_LABEL_STALL = """\
{{- range query (printf `max(driftgauge_label_age_seconds{model=%q})` $labels.model) -}}
The last label came {{ .Value | humanizeDuration }} ago.
{{- else -}} None ever came.
{{- end }}
{{- $limit := printf `max(driftgauge:threshold{model=%q,monitor="performance.label_stall"})` $labels.model }}
{{- range query $limit }} The limit is {{ .Value | humanizeDuration }}.{{ end }}"""

_ACTION = """\
{{- $open := printf `driftgauge_actions_open{model=%q}` $labels.model -}}
Open:
{{- range query $open }} {{ .Labels.action }} ({{ .Value }});
{{- else }} nothing.
{{- end }}"""

# An alert outlives what it tells of, by `resolve_after` and `keep_firing_for`, or until the monitor is back.
_ENDED = "nothing any more (it has ended, or driftgauge is away; the event says what it was)."

_TEMPLATES: dict[str, str] = {
    "DataDrift": _DATA_DRIFT,
    "PredictionDrift": _PREDICTION_DRIFT,
    "PerformanceDrop": _PERFORMANCE_DROP,
    "SlaBreach": _SLA_BREACH,
    "DataQuality": _DATA_QUALITY,
    "FeatureStale": _FEATURE_STALE,
    "NoData": _NO_DATA,
    "LabelStall": _LABEL_STALL,
    "ActionOverdue": _ACTION,
    "ActionFailed": _ACTION,
}

DESCRIPTIONS: dict[str, str] = {alert: text.replace("<ended>", _ENDED) for alert, text in _TEMPLATES.items()}
"""Alert kind -> description; kinds without one are described by their event alone."""
