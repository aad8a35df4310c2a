"""What `init` writes of actions: of all of them, and commented out for a model."""

from operators.settings.actions import (
    ActionsSettings,
    CanarySettings,
    DriftTrigger,
    NeedSettings,
    RetrainSettings,
    Schedule,
    Storm,
)
from operators.settings.alerts import OF_PERFORMANCE, listed
from operators.settings.durations import show_duration


def actions_text() -> str:
    """The section of all models."""
    actions, storm = ActionsSettings(), Storm()
    return f"""\
actions:
  # what models ask for with `retrain:` and `on:`. dry_run: written to topics.actions and meant for nobody; live; off
  mode: {actions.mode}
  # retrainings, rollbacks and promotions that are open at a time, over all models; more wait for their turn
  max_open: {actions.max_open}
  # so many models that want to be retrained within this time are one review; null is off. A retraining that an alert
  # asks for is held back for `settle` to see that, where there are so many models
  storm: {{models: {storm.models}, within: {show_duration(storm.within)}, settle: {show_duration(storm.settle)}}}
"""


def retrain_text() -> str:
    """The keys of a model, indented below it."""
    retrain, schedule, drift = RetrainSettings(), Schedule(), DriftTrigger()
    need = NeedSettings(loss=0.02)
    return f"""\
    # when to ask for a retraining;  {{}}  is by schedule and by drift, with these values; null: never
    retrain: null
    # retrain:
    #   schedule: {{cron: "{schedule.cron}", timezone: {schedule.timezone}}}
    #   drift: {{level: {drift.level}, for: {show_duration(drift.lasts)}, features: null}}
    #   # {listed(OF_PERFORMANCE)}, such as  {{level: major, for: 0s}}
    #   performance: null
    #   # by a probability of need that has stood for so long, such as  {{above: 0.8, for: 24h}}
    #   probability: null
    #   # what is forecast: that the metric over the horizon will be worse by `loss` than when the version was new
    #   # such as  {{horizon: {show_duration(need.horizon)}, loss: 0.02, metric: null}}  (accuracy, mae or ndcg)
    #   # learnt: file of `driftgauge retrain fit`, which corrects the filter where it proved better
    #   need: null
    #   # from one to the next at least, and how many in 30 days
    #   cooldown: {show_duration(retrain.cooldown)}
    #   max_per_30d: {retrain.max_per_30d}
    #   # past it ActionOverdue fires
    #   complete_within: {show_duration(retrain.complete_within)}
    #   # how much of the past is trained on: bad data in it blocks, unless the training honours `data.exclude`
    #   training_window: {show_duration(retrain.training_window)}
    #   honours_exclude: false
    #   # while one of these fires nothing is trained
    #   block_on: [{", ".join(retrain.block_on)}]
    #   # share of the predictions that must have a label
    #   min_coverage: {retrain.min_coverage:g}
    #   # whether somebody has to agree: never, drift or always
    #   approval: {retrain.approval}
    # how a new version is judged that serves beside the one that it is to replace, slice by slice of its labels:
    # promote, rollback or review;  null: not at all
    canary: null
    # canary:
    #   # a mean over rows, such as accuracy, mae, ndcg, value_mean; and how much worse the new one may be
    #   metric: accuracy
    #   margin: 0.005
    #   # of the predictions that the new one is to serve; null: any. by: segment key, null is the first
    #   share: null
    #   by: null
    #   # time before it may be promoted, and after which somebody has to look
    #   min: {show_duration(CanarySettings(metric="accuracy").least)}
    #   max: {show_duration(CanarySettings(metric="accuracy").most)}
    #   # whether somebody has to agree: never or always; past complete_within ActionOverdue fires
    #   approval: never
    #   complete_within: 1h
    # what alerts ask for, such as
    #   {{alert: SlaBreach, metric: fpr, action: rollback, approval: always, complete_within: 1h}}
    # further keys: level, for, segments, cooldown; actions: retrain, rollback, fallback, review, notify
    "on": []  # in quotes, for other readers of YAML take it for true
"""
