"""The config file that `init` writes: every key with what it does, at its default."""

import json
from dataclasses import dataclass, field

from operators.settings.alerting import AlertingSettings
from operators.settings.alerts import watches_of
from operators.settings.durations import show_duration
from operators.settings.event_time import TimeSettings
from operators.settings.features import FeatureKind
from operators.settings.model import DriftSettings, ModelSettings, PredictionSettings, QualitySettings
from operators.settings.performance import PerformanceSettings
from stream.config.action_template import actions_text, retrain_text
from stream.config.edges.alertmanager import AlertmanagerSettings
from stream.config.edges.cluster import ClusterSettings
from stream.config.edges.history import HistorySettings
from stream.config.edges.http import HttpSettings
from stream.config.edges.kafka import KafkaSettings, TopicsSettings
from stream.config.edges.state import StateSettings, WorkersSettings
from stream.config.live_template import LiveTraffic, meaning_text, properties_text, sources_text
from stream.config.pace import ANY_COHORTS, ANY_PACE, ANY_PACE_QUALITY, PacePlan
from stream.config.performance_template import performance_text
from windows.outcomes.layout import Task
from windows.references.seasons import MOST_CLASSES
from windows.statistics.catalog import DISTANCES, JUDGED
from windows.values import Reading

MAX_VERSIONS: int = ModelSettings.model_fields["max_versions"].default


@dataclass(frozen=True, slots=True)
class NewModel:
    """What `init` knows of the model.

    Attributes:
        name: as in its predictions.
        task: what they are.
        reference: the file of its reference, beside the config.
        segments: keys that are watched value by value.
        features: what is watched.
        labelled: whether its rows had labels.
        positive: which of them is positive, where they are text.
        threshold: a score of at least this is a positive prediction.
        readings: feature -> how its values are read, where that is not as they are.
        pace: panes and windows that suit its traffic; None where its rows had no timestamps.
        sights: what each window sees, for people.
        classes: names of the classes, where the user gave them.
        unfit: metrics that the labelled rows are no baseline of, and why.
        timezone: whose hours of the week differ in its reference; None where no season was found.
        zone_known: whether somebody named it, or the rows told; else their clocks may move by an hour.
        live: the topic that its rows came from; None where they came from files.
        calendar: the value of `calendar:`, with the space or the line break before it.
        local_times: where the clocks are that times without an offset are read from.
    """

    name: str
    task: Task
    reference: str
    segments: tuple[str, ...]
    features: dict[str, FeatureKind]
    labelled: bool = False
    positive: str | None = None
    threshold: float = PerformanceSettings().threshold
    readings: dict[str, Reading] = field(default_factory=dict)
    pace: PacePlan | None = None
    sights: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    unfit: dict[str, str] = field(default_factory=dict)
    timezone: str | None = None
    zone_known: bool = True
    live: LiveTraffic | None = None
    calendar: str = " []"
    local_times: str = TimeSettings().timezone


def config_text(model: NewModel) -> str:
    """The YAML text."""
    edges, actions = _edges(model.live), actions_text()
    return (
        f"{edges}\n{_time(model.pace, model.local_times)}\n{_alerting()}\n{_alertmanager()}\n{actions}\n{_model(model)}"
    )


def _edges(live: LiveTraffic | None) -> str:
    kafka, topics, state, http = KafkaSettings(), TopicsSettings(), StateSettings(), HttpSettings()
    if live is not None:
        kafka = kafka.model_copy(update={"brokers": live.brokers or kafka.brokers})
        topics = topics.model_copy(update=live.topics)
    return f"""\
# Config of driftgauge. `driftgauge check` explains what is wrong with it. Every value but panes, windows and what is
# the model's own is the default and may be left out. DRIFTGAUGE__SECTION__KEY in the environment overrides a value,
# for example DRIFTGAUGE__KAFKA__BROKERS or DRIFTGAUGE__MODELS__0__MAX_VERSIONS. ${{NAME}} inside a value is replaced
# by that variable, ${{NAME:-default}} gives it a default. Durations: 250ms, 10s, 5m, 1h, 7d. Paths are relative to
# this file.

kafka:
  # host:port, several separated by commas
  brokers: {_quoted(kafka.brokers)}
  # where reading starts when there is no state yet: latest or earliest
  start: {kafka.start}
  # any property of librdkafka, such as  security.protocol: SASL_SSL  and  sasl.password: ${{KAFKA_PASSWORD}}
  # secrets are masked wherever they are shown
  properties: {properties_text(live)}

topics:
  # in: JSON predictions, one a message or several separated by newlines
  predictions: {topics.predictions}
  # in: labels and business values
  feedback: {topics.feedback}
  # out: alert events
  alerts: {topics.alerts}
  # out: requests to other systems (retrain, rollback, ...)
  actions: {topics.actions}
  # in: what people and other systems say of them (approve, cancel, done, fail, request)
  control: {topics.control}
  # out: records that could not be read, with the reason
  dead_letters: {topics.dead_letters}
  # out: every measured value; null is off
  evaluations: null
  # out and in: the predictions that wait for labels, for a host that lost its disk; null is off
  changelog: null
{sources_text(live)}
state:
  # recovery state; keep it on a disk that survives a restart
  directory: ./{state.directory}
  # how often state is made durable
  epoch: {show_duration(state.epoch)}
  # files it is spread over; fixed once the directory exists
  recovery_partitions: {state.recovery_partitions}

history:
  # what the page and reports remember, in a file of its own under the state directory
  keep: {show_duration(HistorySettings().keep)}
  # its size at most; 0: nothing on disk
  max_bytes: {HistorySettings().max_bytes}

workers:
  # how long a dataflow process may give no sign of life until all start anew from the state
  replace_after: {show_duration(WorkersSettings().replace_after)}

cluster:
  # several hosts that share the work: where each can be met, in an order that never changes,
  #   ["127.0.0.1:2100", "127.0.0.1:2200"] with a TLS tunnel behind each; see Several hosts in deploy/README.md
  hosts: []
  # dataflow processes on each host
  processes: {ClusterSettings().processes}
  # how long a host may be silent until the others stop and wait for it
  timeout: {show_duration(ClusterSettings().timeout)}
  # listen beyond the loopback in clear, on a network that keeps all others out: whoever can connect can run code
  insecure: false

http:
  # where /metrics, /healthz, /readyz and the page (at /) listen
  listen: {_quoted(http.listen)}
  # encryption:  {{certificate: tls.crt, key: tls.key, key_password: "${{NAME}}"}}, PEM files
  tls: null
  # who may see the page, /metrics and why /readyz says no: a bearer token,  {{token_file: FILE}}
  # or  {{token: "${{NAME}}"}},  or  {{username: prometheus, password_file: FILE}}
  # or  {{username: prometheus, password: "${{NAME}}"}}
  auth: null
"""


def _time(pace: PacePlan | None, local_times: str) -> str:
    time = TimeSettings()
    if pace is not None:
        time = time.model_copy(update={"pane": pace.pane, "lateness": pace.lateness})
    return f"""\
time:
  # the smallest slice of event time; every window is a multiple of it
  pane: {show_duration(time.pane)}
  # how far behind the newest record a record may be and still count
  lateness: {show_duration(time.lateness)}
  # how long a partition must be confirmed empty before time passes it by
  idle_after: {show_duration(time.idle_after)}
  # timestamps further ahead than this are dead letters
  max_ahead: {show_duration(time.max_ahead)}
  # where the clocks are that times without an offset are read from, in topics and files; the `timestamp` of a source's
  # map may say otherwise:  {{path: event_time, timezone: Europe/Berlin}}
  timezone: {_quoted(local_times)}
"""


def _alerting() -> str:
    alerting = AlertingSettings()
    return f"""\
alerting:
  # how many alerts a month may be false; sets the confidence level of everything watched
  false_pages_per_month: {alerting.false_pages_per_month:g}
  # how long a condition must have cleared before its alert resolves
  resolve_after: {show_duration(alerting.resolve_after)}
  # severities other than the policy's, such as  DataDrift: {{minor: info, major: critical}}
  severity: {{}}
  # where runbooks live; the alert's name is appended
  runbook_base_url: {_quoted(alerting.runbook_base_url)}
  # address of Grafana with the dashboards of deploy/grafana, for the links in alerts; null is no link
  dashboard_url: null
"""


def _alertmanager() -> str:
    push = AlertmanagerSettings()
    return f"""\
alertmanager:
  # base address of every replica to be told directly, such as  http://localhost:9093; none where Prometheus tells it
  urls: []
  # how often what fires is sent again
  resend_every: {show_duration(push.resend_every)}
  # how long an alert outlives a driftgauge that is gone
  expires_after: {show_duration(push.expires_after)}
  # how long an answer may take
  timeout: {show_duration(push.timeout)}
  # who we are, as in http.auth
  auth: null
  # for https:  {{ca: ca.crt, certificate: tls.crt, key: tls.key, key_password: "${{NAME}}"}}, each optional
  tls: null
"""


def _model(model: NewModel) -> str:
    drift, prediction, quality = _sections(model.pace)
    features = "".join(
        f"      {_key(name)}: {_feature(kind, model.readings.get(name))}\n" for name, kind in model.features.items()
    )
    segments = ", ".join(_quoted(key) for key in model.segments)
    positive = "null" if model.positive is None else _quoted(model.positive)
    cohorts = ANY_COHORTS if model.labelled else None
    if model.pace is not None:
        cohorts = model.pace.cohorts
    performance = performance_text(
        model.task,
        on=model.labelled,
        positive=positive,
        threshold=model.threshold,
        windows=cohorts,
        unfit=model.unfit,
        pace=model.pace,
    )
    sights = "".join(f"      # {line}\n" for line in model.sights)
    meaning = meaning_text(model.live, "    ")
    unsure = "" if model.zone_known else ", tolerance: 1h"
    seasonal = "null" if model.timezone is None else f"{{timezone: {_quoted(model.timezone)}{unsure}}}"
    classes = f"[{', '.join(map(_quoted, model.classes))}]" if model.classes else "null"
    return f"""\
models:
  # as in the predictions' field `model`
  - name: {_quoted(model.name)}
    # binary, multiclass, regression or ranking
    task: {model.task}
    # names of the classes, such as  [bird, cat, dog]; of lists of scores in the order of the scores.
    # A label that is none of them is refused. null: what the reference's rows have
    classes: {classes}
    # what is normal; made by `driftgauge reference build`
{meaning}\
    reference: {_quoted(model.reference)}
    # references of versions whose inputs are others, such as those trained on newer data; a version without one is
    # compared with `reference`. Made by `driftgauge reference build --like`:  {{"8": click.8.json}}
    references: {{}}
    # features or context fields whose values are also watched one by one
    segments: [{segments}]
    # versions told apart; further ones are counted together
    max_versions: {MAX_VERSIONS}
    # the team that is to be told; `driftgauge routes` writes a route of Alertmanager for each owner
    owner: null
    # what its alerts carry beside their own, in events, in driftgauge_alert_active and in Alertmanager:  {{team: risk}}
    labels: {{}}
    # severities of this model's alerts that differ from alerting.severity:  {{DataDrift: {{major: warning}}}}
    severity: {{}}
    # what is watched; without this key, every feature of the reference. Beside its kind a feature may have the texts
    # that stand for no value and what its numbers are rounded to:  {{kind: numeric, missing: ["?"], resolution: 0.01}}
    # thresholds of its own, and what its values may be:  {{kind: numeric, drift: {{ks: null}}, allowed: {{min: 0}}}}
    features:
{features}\
    # where hours of the week differ, windows are compared with what is normal at theirs. `reference build` finds out
    # from two weeks of rows or more; null is one reference for all hours:
    #   {{timezone: Europe/Berlin, max_classes: {MOST_CLASSES}, zones: {{"country=US": America/New_York}}}}
    # `tolerance: 1h` is for when nobody knows whose clocks change: an hour earlier or later is normal, too
    seasonal: {seasonal}
    # days that have the hours of another day of the week, and days with a reference of their own, which
    # `driftgauge reference build --like` makes of the rows of such days:
    #   [{{date: 2026-12-25, like: sunday}}, {{from: 2026-12-27, to: 2027-01-03, reference: newyear.json}}]
    calendar:{model.calendar}
    # features told from each other, for relations that break while each feature looks as before; null is off:
    #   conditional   or   {{method: autoencoder, windows: [1m, 1h], ratio: {{major: 1.5}}, anomalous: {{major: 0.01}}}}
    multivariate: null
    # what predictions use, from their field `usage`; null does not read it:
    #   {{currency: EUR, prices: {{cpu_hour: 0.03, gpu_hour: 2.1, memory_gib_hour: 0.004}}}}
    # with  selector: 'driftgauge_model="click"'  `driftgauge rules` records what its containers cost, too
    cost: null
    # drift of features: levels are distances to the reference, null is off
    drift:
{sights}\
      windows: {_windows(drift.windows)}
{_distances(drift, explained=True)}\
      # what came of late beside what came before, for changes that a reference has grown too old to show; null is off:
      #   {{recent: 7d, before: 90d, shift: 364d, ks: {{major: 0.1}}, psi: {{major: 0.25}}}}
      # shift is the same span so long ago; null for before or shift is off. It asks for no retraining
      trailing: null
    # drift of the predictions, with the same keys
    prediction:
      windows: {_windows(prediction.windows)}
{_distances(prediction)}\
      trailing: null
    # ratios are judged as an increase over the reference's own
    quality:
      windows: {_windows(quality.windows)}
{_limits()}\
      # a feature without a value for this long, while predictions come
      stale_after: {show_duration(quality.stale_after)}
      # no predictions at all for this long; null is as long as the pace of the reference (by hour of the week, from two
      # weeks on) makes it a surprise, or that of the live traffic where the reference has no timestamps
      no_data_after: null
    # how good predictions are, from the labels in topics.feedback; null: no labels are read
{"" if model.labelled else "    performance: null" + chr(10)}{performance}\
    # objectives, such as  availability: ">= 0.999"  or  latency_p99_ms: {{objective: "< 100", window: 5m}};
    # with performance also of labels, such as  accuracy: ">= 0.95"
    sla: {{}}
{retrain_text()}\
"""


def _feature(kind: FeatureKind, reading: Reading | None) -> str:
    """A kind, or a mapping with how the values are read."""
    if reading is None:
        return kind
    missing = f", missing: [{', '.join(map(_quoted, reading.missing))}]" if reading.missing else ""
    rounded = "" if reading.resolution is None else f", resolution: {reading.resolution:g}"
    return f"{{kind: {kind}{missing}{rounded}}}"


def _sections(pace: PacePlan | None) -> tuple[DriftSettings, PredictionSettings, QualitySettings]:
    """The settings of the three sections, with the windows that suit the pace."""
    drift, prediction, quality = DriftSettings(), PredictionSettings(), QualitySettings()
    if pace is None:
        return (
            drift.model_copy(update={"windows": ANY_PACE}),
            prediction.model_copy(update={"windows": ANY_PACE}),
            quality.model_copy(update={"windows": ANY_PACE_QUALITY}),
        )
    return (
        drift.model_copy(update={"windows": pace.windows}),
        prediction.model_copy(update={"windows": pace.windows}),
        quality.model_copy(update={"windows": pace.quality, "stale_after": pace.stale_after}),
    )


def _windows(windows: tuple[int, ...]) -> str:
    return f"[{', '.join(show_duration(window) for window in windows)}]"


def _distances(settings: DriftSettings | PredictionSettings, *, explained: bool = False) -> str:
    """A line for each distance that may have thresholds, with one before it that says what it is."""
    return "".join(
        (f"      # {DISTANCES[name].words}\n" if explained else "") + f"      {name}: {_levels(settings, name)}\n"
        for name in JUDGED
    )


def _limits() -> str:
    """The limits of `quality`, each explained."""
    lines = []
    for _, watch in watches_of("quality"):
        such = f", such as  {watch.example}" if watch.usual is None else ""
        lines.append(f"# {watch.meaning}{'' if watch.always else '; null is off'}{such}")
        lines.append(f"{watch.key}: {'null' if watch.usual is None else f'{watch.usual:g}'}")
    return "".join(f"      {line}\n" for line in lines)


def _levels(settings: DriftSettings | PredictionSettings, metric: str) -> str:
    levels = settings.levels.get(metric)
    if levels is None:
        return "null"
    given = {"minor": levels.minor, "major": levels.major}
    return f"{{{', '.join(f'{name}: {value:g}' for name, value in given.items() if value is not None)}}}"


def _quoted(text: str) -> str:
    """The text as a double-quoted YAML scalar; a dollar sign is doubled, since ${NAME} is replaced."""
    return _key(text.replace("$", "$$"))


def _key(text: str) -> str:
    """The same for a key, in which nothing is replaced. Escapes keep control characters and lone surrogates out."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
