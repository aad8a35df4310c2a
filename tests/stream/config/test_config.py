import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles_zoo import small_reference

from operators.settings.durations import ALLOWED
from stream.config.environment import SETTING
from stream.config.load import Config, ConfigError, load, load_references, model_named
from stream.redact import redact
from windows.references.reference import to_json

CONTRACT = """\
kafka: {brokers: "localhost:9092", properties: {}}
topics: {predictions: predictions, feedback: feedback, alerts: driftgauge.alerts}
state: {directory: ./state}
http: {listen: "127.0.0.1:9108"}
time: {pane: 10s, lateness: 5s}
alerting: {false_pages_per_month: 1}
models:
  - name: click
    task: binary
    reference: click.reference.json
    segments: [country]
    drift:        {windows: [10s, 1m, 1h], psi: {minor: 0.1, major: 0.25}, ks: {minor: 0.05, major: 0.1}}
    prediction:   {windows: [10s, 1m, 1h], ks: {major: 0.15}}
    quality:      {missing: 0.01, stale_after: 30m, no_data_after: 2m}
    performance:  {windows: [1h, 7d], label_delay: 1h, accuracy: {baseline: 0.95, max_drop: 0.05}}
    sla:          {accuracy: ">= 0.95", latency_p99_ms: "< 100", availability: ">= 0.999", drift: "< 0.1"}
"""
SMALL = "models:\n  - {name: click, task: binary, reference: click.reference.json}\n"


def _write(directory: Path, text: str) -> Path:
    path = directory / "c.yaml"
    path.write_text(text)
    return path


def _problems(directory: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_references(load(_write(directory, text), env or {}))
    return str(caught.value).replace(f"{directory}/", "").splitlines()


def test_the_contract_loads(tmp_path: Path) -> None:
    """The config of the contract loads as it stands."""
    (tmp_path / "click.reference.json").write_bytes(to_json(small_reference()))
    config = load(_write(tmp_path, CONTRACT), {})
    assert config.source == tmp_path / "c.yaml"
    model = config.models[0]
    assert model.reference == tmp_path / "click.reference.json"
    assert config.state.directory == tmp_path / "state"
    assert model.sla["availability"].comparison == ">="
    assert load_references(config)["click"].id == small_reference().id
    assert pickle.loads(pickle.dumps(config)) == config


def test_many_problems_at_once(tmp_path: Path) -> None:
    """Every problem is one line with file, line, key path, what was given and what is allowed, in the file's order."""
    text = (
        CONTRACT.replace("fedback", "feedback")
        .replace("feedback: feedback", "fedback: feedback")
        .replace("pane: 10s", "pane: fast")
        .replace("task: binary", "task: binry")
        .replace("missing: 0.01", "missing: 2, stale_afte: 3m")
    )
    assert _problems(
        tmp_path, text.replace("windows: [1h, 7d]", "windws: [1h]").replace("max_drop: 0.05", "max_drop: -1")
    ) == [
        'c.yaml:2: topics.fedback: unknown key; did you mean "feedback"?',
        f'c.yaml:5: time.pane: given "fast"; {ALLOWED} is needed',
        'c.yaml:9: models.0.task: given "binry"; allowed are binary, multiclass, regression or ranking',
        "c.yaml:14: models.0.quality.missing: given 2; less than 1 is needed",
        'c.yaml:14: models.0.quality.stale_afte: unknown key; did you mean "stale_after"?',
        "c.yaml:15: models.0.performance.accuracy.max_drop: given -1; more than 0 is needed",
        'c.yaml:15: models.0.performance.windws: unknown key; did you mean "windows"?',
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("pane: 10s", "pane: 7s"), 'models.0.drift.windows.0: given "10s"; a multiple of time.pane (7s) is needed'),
        (("10s, 1m, 1h]", "10s, 610s]"), 'models.0.drift.windows.1: given "610s"; a window of 6 to 60 equal slices'),
        (('"< 100"', '{objective: "< 100", window: 15s}'), 'models.0.sla.latency_p99_ms.window: given "15s"; a'),
        ((">= 0.999", ">= 99.9"), 'models.0.sla.availability: given ">= 99.9"; a target from 0 to 1'),
        (("no_data_after: 2m", "no_data_after: 10s"), "at least time.idle_after (15s)"),
        (("alerts: driftgauge.alerts", "alerts: feedback"), 'topics.alerts: given "feedback"; a topic of its own'),
        (("127.0.0.1:9108", "localhost"), 'http.listen: given "localhost"; host:port'),
        (("127.0.0.1:9108", "[::1:80"), "http.listen"),
        (("localhost:9092", "kafka://x"), "kafka.brokers"),
        (("localhost:9092", "a:1,b"), "kafka.brokers"),
        (("predictions: predictions", "predictions: 'a b'"), "topics.predictions"),
        (("properties: {}", "properties: {bootstrap.servers: x}"), 'bootstrap.servers: given "x"; kafka.brokers is'),
        (("properties: {}", "properties: [a]"), "kafka.properties: a list; a mapping is needed"),
        (("properties: {}", "properties: {a: [1]}"), "kafka.properties.a: a list; text, a number, true or false"),
        (("segments: [country]", "segments: country"), 'models.0.segments: given "country"; a list is needed'),
        (
            ("segments: [country]", "segments: [device]"),
            'given "device"; the reference was built without this segment (it has country); build it again with: ',
        ),
        (("segments: [country]", "segments: [device]"), " --model click --from DATA -o click.reference.json"),
        (("segments: [country]", "segments: [contry]"), 'not in the reference; did you mean "country"? If not, build'),
        (("segments: [country]", "segments: [age]"), "the reference was built without this segment; build it again"),
        (("segments: [country]", "features: {aeg: numeric}"), "models.0.features.aeg: not in the reference; it has"),
        (("segments: [country]", "features: {age: categorical}"), "the reference has it as numeric"),
        (("task: binary", "task: multiclass"), "the reference's predictions are numbers"),
        (("name: click", "name: clack"), "it is of model 'click'"),
        (("click.reference.json", "absent.json"), "No such file"),
        (("reference: click.reference.json", "max_versions: 3"), "models.0.reference: absent"),
        (("models:", "modles:"), 'modles: unknown key; did you mean "models"?'),
    ],
)  # fmt: skip
def test_cross_checks(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    """What does not fit together is refused at the key that says it."""
    (tmp_path / "click.reference.json").write_bytes(to_json(small_reference()))
    assert CONTRACT.count(change[0]) == 1 or change[0] in {"10s, 1m, 1h]", "models:"}
    lines = _problems(tmp_path, CONTRACT.replace(*change))
    assert any(said in line for line in lines), lines
    assert all(line.startswith("c.yaml:") for line in lines)


@pytest.mark.parametrize(
    ("performance", "sla", "said"),
    [
        ("null", '{accuracy: ">= 0.95"}', 'sla.accuracy: given ">= 0.95"; needs labels: say under `performance:` how'),
        ("{}", '{mae: "< 3"}', 'sla.mae: given "< 3"; a metric of binary is needed: accuracy, precision, '),
        (
            "{}",
            '{auc: "< 0.75"}',
            'sla.auc: given "< 0.75"; "> 0.75" is needed: high values of auc are good, and an obj',
        ),
        ("{}", '{log_loss: ">= 0.5"}', 'sla.log_loss: given ">= 0.5"; "<= 0.5" is needed: low values of log_loss are'),
        ("{}", '{availability: "<= 0.9"}', 'sla.availability: given "<= 0.9"; ">= 0.9" is needed: high values'),
        ("{}", '{latency_p99_ms: "> 100"}', 'sla.latency_p99_ms: given "> 100"; "< 100" is needed: low values'),
        ("{}", '{accuracy: ">= 95"}', 'sla.accuracy: given ">= 95"; a target from 0 to 1'),
        ("{}", '{accuracy: {objective: "> 0.9", window: 35s}}', 'sla.accuracy.window: given "35s"; a multiple of'),
        ("{mae: {max_ratio: 2}}", "{}", "performance.mae: a mapping; a metric of binary is needed: accuracy, "),
        ("{accuracy: {max_ratio: 2}}", "{}", "performance.accuracy.max_ratio: given 2; max_drop or max_drop_ratio"),
        ("{fpr: [{max_drop: 0.1}]}", "{}", "performance.fpr.0.max_drop: given 0.1; max_rise or max_ratio is needed: l"),
        ("{fpr: {max_ratio: 3, baseline: 0}}", "{}", "performance.fpr.baseline: given 0; more than 0 is needed"),
        ("{concept: {error: {max_drop: 0.1}}}", "{}", "performance.concept.error.max_drop: given 0.1; max_rise or"),
        ("{tolerance: 3}", "{}", "performance.tolerance: given 3; a model of task regression is needed"),
        (
            "{cross: [[country, device]]}",
            "{}",
            'performance.cross.0.1: given "device"; one of the model\'s segments: c',
        ),
        (
            "{coverage: 0.8, min_coverage: 0.9}",
            "{}",
            "performance.min_coverage: given 0.9; at most performance.coverage (0.8) is needed: a window is judged",
        ),
        (
            "{label_coverage: {baseline: 0.9, max_drop: 0.2, min_coverage: 0.1}}",
            "{}",
            "performance.label_coverage.min_coverage: given 0.1; none is needed: label_coverage is known however",
        ),
        ("{windows: [1h], label_delay: 7d}", "{}", 'performance.windows.0: given "1h"; 4h or more is needed'),
        ("{windows: [15s]}", "{}", 'performance.windows.0: given "15s"; a multiple of time.pane (10s) is needed'),
        ("{windows: [1h, 77m]}", "{}", 'performance.windows.1: given "77m"; a multiple of the shortest window'),
        (
            "{windows: [1h], ctr: {baseline: 1, max_drop: 0.1}}",
            "{}",
            "performance.ctr: a mapping; a metric of binary is needed",
        ),
        (
            "{accuracy: {baseline: {shift: 364d}, max_drop: 0.1}}",
            "{}",
            "performance.accuracy.baseline: a mapping; with it, a window of 7d or more is needed",
        ),
        (
            "{accuracy: {baseline: trailing, trailing: 30m, window: 1h, max_drop: 0.1}}",
            "{}",
            'performance.accuracy.trailing: given "30m"; at least the window (1h) is needed',
        ),
        (
            "{concept: {curve: {recent: 1h, before: 10d}}}",
            "{}",
            'performance.concept.curve.recent: given "1h"; a period that divides `before`',
        ),
        (
            "{accuracy: {max_drop: 0.05}}",
            "{}",
            "performance.accuracy.baseline: the reference has no labelled rows; build it from rows with a column",
        ),
    ],
)
def test_performance_is_checked(tmp_path: Path, performance: str, sla: str, said: str) -> None:
    """Rules that fit no metric, windows that cannot be kept and labels that nobody reads are refused at their key."""
    (tmp_path / "click.reference.json").write_bytes(to_json(small_reference()))
    text = CONTRACT[: CONTRACT.index("    performance:")] + f"    sla: {sla}\n    performance: {performance}\n"
    lines = _problems(tmp_path, text)
    assert any(f"models.0.{said}" in line for line in lines), lines
    assert all(line.startswith("c.yaml:1") for line in lines)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            "performance: {label_delay: 72h, keep: 1h}",
            'performance.keep: given "1h"; at least label_delay (3d) is needed: later labels would find no prediction',
        ),
        (
            "performance: {keep: 30m}",
            'performance.keep: given "30m"; at least label_delay (1h) is needed: later labels would find no prediction',
        ),
        (
            "performance: {negative_after: 2h}",
            "performance.label_delay: absent; at least negative_after (2h) is needed: until then only positives come",
        ),
        ("drift: {psi: {minor: 0.3, major: 0.1}}", "drift.psi.minor: given 0.3; at most major (0.1) is needed"),
        (
            "performance: {f1: {max_drop: {minor: 0.3, major: 0.1}}}",
            "performance.f1.max_drop.minor: given 0.3; at most major (0.1) is needed",
        ),
        (
            "drift: {ks: {major: 1.2}}",
            "drift.ks: a mapping; levels below 1 are needed: it never exceeds 1",
        ),
        (
            "performance: {fpr: [{max_ratio: 0.5}]}",
            "performance.fpr.0.max_ratio: given 0.5; above 1 is needed: it multiplies the baseline",
        ),
        (
            "performance: {f1: {max_drop: 0.1, trailing: 3d}}",
            'performance.f1.trailing: given "3d"; `baseline: trailing` is needed beside it: this is the length of it',
        ),
        ("segments: [a, a]", "segments: a list; each entry only once"),
    ],
)
def test_keys_that_contradict_each_other_are_told_at_the_wrong_one(tmp_path: Path, section: str, said: str) -> None:
    """The line names the key, what it has, and what the other one has."""
    text = f"models:\n  - name: m\n    task: binary\n    {section}\n"
    assert _problems(tmp_path, text) == [f"c.yaml:4: models.0.{said}"]


def test_problems_between_keys_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Whichever is looked for first."""
    text = "models:\n  - name: m\n    task: binary\n    quality: {windows: [15s]}\n    drift: {windows: [17s]}\n"
    found = _problems(tmp_path, text + '    sla: {recall: ">= 0.5"}\n')
    assert [line.split(":")[1] for line in found] == ["4", "5", "6"]


@pytest.mark.parametrize("sla", ['throughput: "< 9"', 'throughput: "> 9"', 'bias: "< 1"', 'value_mean: "< 3"'])
def test_objectives_may_ask_for_little_or_much_where_neither_is_good(tmp_path: Path, sla: str) -> None:
    """Throughput, a balance, and a value that may be a cost."""
    assert load(_write(tmp_path, f"models: [{{name: m, task: regression, performance: {{}}, sla: {{{sla}}}}}]\n"), {})


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["10s", "< 1", "${X}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, child in items for found in _paths(child, (*path, key)))]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_nonsense_anywhere_is_a_problem_or_fine(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """Whatever stands at whatever key, loading ends in a config or in lines of problems, never in another error."""
    document = yaml.safe_load(CONTRACT)
    path = data.draw(st.sampled_from([path for path in _paths(document) if path]))
    here = document
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = data.draw(JUNK)
    file = tmp_path_factory.mktemp("config") / "c.yaml"
    file.write_text(yaml.safe_dump(document))
    try:
        said = repr(load(file, {}))
    except ConfigError as error:
        said = str(error)
        lines = said.splitlines()
        assert lines, "no problem"
        assert all(line.startswith(str(file)) and len(line) < 800 for line in lines)
    assert said


def test_two_models_of_one_name(tmp_path: Path) -> None:
    """A model's name is its own."""
    lines = _problems(tmp_path, SMALL + "  - {name: click, task: ranking}\n")
    assert lines == ['c.yaml:3: models.1.name: given "click"; a name of its own is needed: models.0 has this one']


def test_no_models(tmp_path: Path) -> None:
    """A config without models is refused."""
    assert _problems(tmp_path, "models: []\n") == ["c.yaml:1: models: a list; at least 1 is needed"]
    assert _problems(tmp_path, "time: {pane: 10s}\n") == ["c.yaml:1: models: absent; this key is required"]


def test_environment_overrides(tmp_path: Path) -> None:
    """DRIFTGAUGE__SECTION__KEY sets a key, an item of a list, a property, or makes what is not there yet."""
    env = {
        "DRIFTGAUGE__TIME__PANE": "5s",
        "DRIFTGAUGE__MODELS__0__NAME": "clack",
        "DRIFTGAUGE__MODELS__0__DRIFT__WINDOWS": "[5s, 1m]",
        "DRIFTGAUGE__MODELS__0__DRIFT__PSI": "null",
        "DRIFTGAUGE__MODELS__0__QUALITY__MISSING": "0.02",
        "DRIFTGAUGE__MODELS__1": "{name: other, task: ranking}",
        "DRIFTGAUGE__KAFKA__PROPERTIES__SASL_PASSWORD": "0123",
        "DRIFTGAUGE__ALERTING__FALSE_PAGES_PER_MONTH": "3",
        "UNRELATED": "x",
    }
    config = load(_write(tmp_path, SMALL), env)
    assert config.time.pane == 5_000
    assert [model.name for model in config.models] == ["clack", "other"]
    assert config.models[0].drift.windows == (5_000, 60_000)
    assert config.models[0].drift.psi is None
    assert config.models[0].quality.missing == 0.02
    assert config.kafka.properties == {"sasl.password": "0123"}
    assert config.alerting.false_pages_per_month == 3


@pytest.mark.parametrize("key", ["CLICK", "click", "0"])
def test_a_model_is_overridden_by_its_name(tmp_path: Path, key: str) -> None:
    """As by its index."""
    config = load(_write(tmp_path, SMALL), {f"DRIFTGAUGE__MODELS__{key}__DRIFT__PSI": "null"})
    assert [model.drift.psi for model in config.models] == [None]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("TIME__PANE", "never", 'environment variable DRIFTGAUGE__TIME__PANE: time.pane: given "never"; a duration'),
        ("TIEM__PANE", "5s", 'environment variable DRIFTGAUGE__TIEM__PANE: tiem: unknown key; did you mean "time"?'),
        ("MODELS__7__NAME", "x", "DRIFTGAUGE__MODELS__7__NAME: models: '7' is no place in it; an index from 0 to 1"),
        ("MODELS__ONE__NAME", "x", "'ONE' is no place in it; an index from 0 to 1, or a name: click"),
        ("TIME____PANE", "5s", "DRIFTGAUGE__TIME____PANE: an empty part in its name"),
        ("MODELS", "[unclosed", 'models: given "[unclosed"; a list is needed'),
    ],
)
def test_wrong_overrides(tmp_path: Path, name: str, value: str, line: str) -> None:
    """A wrong override is refused with the name of the variable."""
    lines = _problems(tmp_path, SMALL, {f"DRIFTGAUGE__{name}": value})
    assert any(line in found for found in lines), lines


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("models.0.drift.ks.majr", "0.2", '--set models.0.drift.ks.majr: unknown key; did you mean "major"?'),
        ("Time.Pane", "never", '--set Time.Pane: given "never"; a duration'),
        ("models.7.name", "x", "--set models.7.name: models: '7' is no place in it; an index from 0 to 1"),
        ("models.0.drift", "{windows: [7s]}", "--set models.0.drift: models.0.drift.windows.0: "),
    ],
)
def test_wrong_settings(tmp_path: Path, name: str, value: str, line: str) -> None:
    """A wrong `--set` is refused under its own name."""
    (tmp_path / "click.reference.json").write_bytes(to_json(small_reference()))
    (found,) = _problems(tmp_path, SMALL, {f"{SETTING}{name}": value})
    assert found.startswith(line)


def test_settings_win_over_variables_and_the_last_over_the_first(tmp_path: Path) -> None:
    """Settings apply after every environment variable, in the order given."""
    env = {"driftgauge__time__pane": "5s", f"{SETTING}time.pane": "2s", "DRIFTGAUGE__TIME__LATENESS": "1s"}
    again = {f"{SETTING}time.lateness": "3s", f"{SETTING}time": "{pane: 2s, lateness: 4s}"}
    assert load(_write(tmp_path, SMALL), env).time.pane == 2_000
    assert load(_write(tmp_path, SMALL), {**env, **again}).time.lateness == 4_000


def test_substitution(tmp_path: Path) -> None:
    """${VAR}, ${VAR:-default} and $$ inside values; numbers and durations are read from the text."""
    text = (
        SMALL + "kafka: {brokers: '${HOST}:${PORT:-9092}', properties: {client.id: 'a$$b'}}\ntime: {pane: '${PANE}'}\n"
    )
    config = load(_write(tmp_path, text), {"HOST": "kafka.local", "PANE": "5s"})
    assert config.kafka.brokers == "kafka.local:9092"
    assert config.kafka.properties == {"client.id": "a$b"}
    assert config.time.pane == 5_000


def test_missing_variables(tmp_path: Path) -> None:
    """A variable that is not set is named with its key path; all of them at once."""
    text = SMALL + "kafka:\n  brokers: ${HOST}\n  properties: {sasl.token: '${PW}', x: '${'}\n"
    assert _problems(tmp_path, text) == [
        "c.yaml:4: kafka.brokers: ${HOST} is not set in the environment; set it, or write ${HOST:-default}",
        "c.yaml:5: kafka.properties.sasl.token: ${PW} is not set in the environment; set it, or write ${PW:-default}",
        "c.yaml:5: kafka.properties.x: an incomplete ${; ${NAME} or ${NAME:-default}, and $$ for a dollar sign",
    ]


SECRET = "hunter2\nwith a second line"  # noqa: S105 - made up


@pytest.mark.parametrize(
    "text",
    [
        "kafka: {properties: {sasl.password: '${PW}'}, brokers: 5}\n",
        "kafka: {properties: {sasl.password: ['${PW}']}}\n",
        "kafka: {properties: {sasl.jaas.config: {a: '${PW}'}}}\n",
        "kafka: {brokers: '${PW}'}\n",
        "kafka: {brokers: ['${PW}']}\n",
        "time: {pane: '${PW}'}\n",
        "topics: {alerts: '${PW}', fedback: '${PW}'}\n",
    ],
)
def test_errors_show_no_secret(tmp_path: Path, text: str) -> None:
    """No error shows what a variable or a secret property holds, and no exception chained to it does."""
    with pytest.raises(ConfigError) as caught:
        load(_write(tmp_path, SMALL + text), {"PW": SECRET})
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in str(error)
        error = error.__cause__ or error.__context__


def test_shown_configs_show_no_secret(tmp_path: Path) -> None:
    """Neither repr nor str of a config shows a secret; redact takes it out of any text, in any spelling."""
    text = SMALL + "kafka: {properties: {sasl.password: '${PW}', ssl.key.pem: abc-pem, client.id: me}}\n"
    config = load(_write(tmp_path, text), {"PW": SECRET})
    for shown in (repr(config), str(config), repr(config.kafka), f"{config.kafka}", repr(config.kafka.redacted())):
        assert "hunter2" not in shown
        assert "abc-pem" not in shown
        assert "me" in shown
    noisy = f"failed with {SECRET} and {SECRET!r} at kafka://user:pw@host and abc-pem"
    assert redact(noisy, config) == "failed with *** and '***' at kafka://***@host and ***"
    assert redact("plain text", None) == "plain text"


def test_features_restrict_the_reference(tmp_path: Path) -> None:
    """A config that lists some features watches those alone; the smaller reference has an id of its own."""
    (tmp_path / "click.reference.json").write_bytes(to_json(small_reference()))
    text = SMALL.replace("task: binary", "task: binary, segments: [country], features: {age: numeric}")
    reference = load_references(load(_write(tmp_path, text), {}))["click"]
    assert list(reference.features) == ["age"]
    assert list(reference.segments["country"]["de"].features) == ["age"]
    assert reference.id != small_reference().id


def test_broken_reference(tmp_path: Path) -> None:
    """A broken reference file is one line at the key that names it."""
    (tmp_path / "click.reference.json").write_bytes(to_json(small_reference())[:-200])
    lines = _problems(tmp_path, SMALL)
    assert len(lines) == 1
    assert lines[0].startswith("c.yaml:2: models.0.reference: click.reference.json: ")


def test_model_named(tmp_path: Path) -> None:
    """A model is found by its name, or the known ones are listed."""
    config = load(_write(tmp_path, SMALL), {})
    assert model_named(config, "click") is config.models[0]
    with pytest.raises(ConfigError, match="no model 'clack'; it has click"):
        model_named(config, "clack")


def test_a_config_made_in_code() -> None:
    """A config can be made without a file; its problems name the default file."""
    made: dict[str, Any] = {"models": [{"name": "m", "task": "ranking", "reference": "/nowhere/m.json"}]}
    with pytest.raises(ConfigError, match=r"driftgauge\.yaml: models\.0\.reference"):
        load_references(Config(**made))


def test_replaced_models_are_still_checked(tmp_path: Path) -> None:
    """A reference of another model is refused although its file is there."""
    (tmp_path / "click.reference.json").write_bytes(to_json(replace(small_reference(), model="other")))
    assert "it is of model 'other'" in _problems(tmp_path, SMALL)[0]


def test_names_that_somebody_gave_keep_their_capitals(tmp_path: Path) -> None:
    """Of alerts and features; keys of the config itself are told whatever their case, as before."""
    (tmp_path / "click.reference.json").write_bytes(to_json(small_reference()))
    env = {
        f"{SETTING}Models.0.Severity.DataDrift.major": "warning",
        "DRIFTGAUGE__ALERTING__SEVERITY__NoData__MAJOR": "info",
        f"{SETTING}models.0.features.AmountUSD": "numeric",
    }
    config = load(_write(tmp_path, SMALL), env)
    assert config.models[0].severity["DataDrift"].major == "warning"
    assert config.alerting.severity["NoData"].major == "info"
    assert "AmountUSD" in (config.models[0].features or {})
