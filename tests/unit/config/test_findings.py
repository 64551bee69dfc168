"""Every code of SPEC 2 on inputs that tempt one to miss it: its place, its severity, what its fix writes."""

from __future__ import annotations

import pytest
from config_samples import (
    GOOD,
    NEW_TOKEN,
    SCORE,
    TOKEN,
    TRAIN,
    assert_fixes_hold,
    broken,
    codes,
    read,
    top,
    train,
    under,
)

from skafos_tui.config.editing import apply_edits
from skafos_tui.config.fixes import take_all
from skafos_tui.config.quantities import GI
from skafos_tui.config.reader import ReadResult
from skafos_tui.model.diagnostic import Severity

NEW_ID = "00000000-0000-4000-8000-000000000001"

ERRORS = [
    # (the config, the code, the text it points at)
    (top("name: again"), "duplicate-key", "name"),
    (broken("  - job_id: ", "  - name: Other\n    job_id: "), "duplicate-key", "name"),
    (broken("name: my-project", "name: [a]"), "wrong-type", "[a]"),
    (broken("jobs:\n", "jobs: none\nold:\n"), "wrong-type", "none"),
    (train("environment: 3"), "wrong-type", "3"),
    (broken("name: Train", 'name: "a\\0b"'), "wrong-type", '"a\\0b"'),
    (train('image: "a\\0b"'), "wrong-type", '"a\\0b"'),
    (broken('"train.py"', '"a\\0b"'), "bad-entrypoint", '"a\\0b"'),
    (f"project_token: {TOKEN}\nlanguage: python\nentrypoint: 'sleep 1'\n", "missing-key", "project_token"),
    (train("environment: {A: [1]}"), "wrong-type", "[1]"),
    (train("resources: 2"), "wrong-type", "2"),
    (train("resources: {limits: [1]}"), "wrong-type", "[1]"),
    (train("overlap: sometimes"), "wrong-type", "sometimes"),
    (train("catchup: latests"), "wrong-type", "latests"),
    (train("enabled: maybe"), "wrong-type", "maybe"),
    (train("enabled: {}"), "wrong-type", "{}"),
    (train("retries: -1"), "wrong-type", "-1"),
    (train("retries: [3]"), "wrong-type", "[3]"),
    (train("retries: {limit: 2, exit_codes: 75}"), "wrong-type", "75"),
    (train("retries: {limit: 2, lost: perhaps}"), "wrong-type", "perhaps"),
    (train("retries: {delay: 5s}"), "missing-key", "delay"),
    (broken("name: my-project\n", ""), "missing-key", "project_token"),
    (broken("name: my-project", "name:"), "missing-key", "name"),
    (broken("name: my-project", "name: ''"), "missing-key", "''"),
    (broken("name: my-project", "name: ~"), "missing-key", "name"),
    (broken(f"project_token: {TOKEN}   # ours\n", ""), "missing-key", "name"),
    (broken("    name: Train\n", ""), "missing-key", "job_id"),
    (broken(f"  - job_id: {SCORE}\n    language: python", "  - language: python"), "missing-key", "language"),
    (broken('    entrypoint: "score.py"\n', ""), "missing-key", "job_id"),
    (broken(TOKEN, TOKEN[:-1]), "bad-token", TOKEN[:-1]),
    (broken(TOKEN, f"{TOKEN}00"), "bad-token", f"{TOKEN}00"),
    (broken(TOKEN, "g" * 24), "bad-token", "g" * 24),
    (broken(TOKEN, "１" * 24), "bad-token", "１" * 24),
    (broken(SCORE, TRAIN), "duplicate-id", TRAIN),
    (broken("language: python", "language: R"), "bad-language", "R"),
    (broken("language: python", "language: Python"), "bad-language", "Python"),
    (train('schedule: "0 9 * * * *"'), "bad-cron", None),
    (train("schedule: '@daily'"), "bad-cron", None),
    (train('schedule: "0 25 * * *"'), "bad-cron", "25"),
    (train("schedule: ''"), "bad-cron", None),
    (train("schedule: [0]"), "wrong-type", "[0]"),
    (train('schedule: "0 0 30 2 *"'), "never-fires", '"0 0 30 2 *"'),
    (train("timezone: Europe/Berln"), "bad-timezone", "Europe/Berln"),
    (top("timezone: Mars/Olympus"), "bad-timezone", "Mars/Olympus"),
    (train("dependencies: [nobody]"), "unknown-dependency", "nobody"),
    (train(f"dependencies: [{TRAIN}]"), "self-dependency", TRAIN),
    (train(f"dependencies: [{SCORE}]"), "dependency-cycle", SCORE),
    (train(f"dependencies: {SCORE.replace('b', 'a')}"), "wrong-type", SCORE.replace("b", "a")),
    (train("resources: {limits: {cpu: two}}"), "bad-quantity", "two"),
    (train("resources: {limits: {cpu: 1e0}}"), "bad-quantity", "1e0"),
    (train("resources: {limits: {cpu: .inf}}"), "bad-quantity", ".inf"),
    (train("resources: {limits: {cpu: 500m}}"), "bad-quantity", "500m"),
    (train("resources: {limits: {memory: 2gb}}"), "bad-quantity", "2gb"),
    (train("resources: {limits: {memory: 2}}"), "bad-quantity", "2"),
    (train("resources: {limits: {memory: 2Ki}}"), "bad-quantity", "2Ki"),
    (train("resources: {limits: {cpu: 0}}"), "cpu-out-of-range", "0"),
    (train("resources: {limits: {cpu: -1}}"), "cpu-out-of-range", "-1"),
    (train("resources: {requests: {cpu: 7.5}}"), "cpu-out-of-range", "7.5"),
    (train(f"resources: {{limits: {{cpu: {'9' * 400}}}}}"), "cpu-out-of-range", "9" * 400),
    (train("resources: {limits: {memory: 31Gi}}"), "memory-out-of-range", "31Gi"),
    (train("resources: {limits: {memory: 0Mi}}"), "memory-out-of-range", "0Mi"),
    (train(f"resources: {{limits: {{memory: {'9' * 400}Gi}}}}"), "memory-out-of-range", f"{'9' * 400}Gi"),
    (train("resources: {requests: {cpu: 2}, limits: {cpu: 1}}"), "limit-below-request", "1"),
    (train("resources: {requests: {memory: 1G}, limits: {memory: 953Mi}}"), "limit-below-request", "953Mi"),
    *[
        (train(f"parallelism: {value}"), "bad-parallelism", value)
        for value in ("0", "-1", "1.5", "two", "yes", "012", "1e3", "0x10", "9" * 5000)
    ],
    (train("parallelism: {a: 1}"), "wrong-type", "{a: 1}"),
    (train("timeout: soon"), "bad-duration", "soon"),
    (train("timeout: 0s"), "bad-duration", "0s"),
    (train("timeout: 30m1h"), "bad-duration", "30m1h"),
    (train("timeout: 90"), "bad-duration", "90"),
    (train("timeout: 400d"), "bad-duration", "400d"),
    (broken('"train.py"', '"train.py | "'), "bad-entrypoint", None),
    (broken('"train.py"', '"train.py || b.py"'), "bad-entrypoint", None),
    (broken('"train.py"', '"|"'), "bad-entrypoint", None),
    (broken('"train.py"', "''"), "bad-entrypoint", "''"),
    (broken('"train.py"', "python x.py --text 'a b"), "bad-entrypoint", "'"),
    (broken('"train.py"', "“train.py”"), "bad-entrypoint", "“train.py”"),
    (broken('"train.py"', "../train.py"), "entrypoint-outside-project", "../train.py"),
    (broken('"train.py"', "a.py | /opt/b.py"), "entrypoint-outside-project", None),
    (broken('"train.py"', "a/../../b.py"), "entrypoint-outside-project", "a/../../b.py"),
    (broken('"train.py"', r"C:\jobs\train.py"), "entrypoint-outside-project", r"C:\jobs\train.py"),
    (broken('"train.py"', '"{{script}}"'), "template-placeholder", "{{script}}"),
    (top("alerts: [{when: explosion}]"), "bad-alert", "explosion"),
    (top("alerts: [{when: duration}]"), "bad-alert", "duration"),
    (top("alerts: [{name: x}]"), "bad-alert", "name"),
    (top("alerts: [{when: log, matches: '('}]"), "bad-alert", "'('"),
    (top("alerts: [{when: cpu, above: 120}]"), "bad-alert", "120"),
    (top("alerts: [{when: metric, metric: loss}]"), "bad-alert", "metric"),
    (top("alerts: [{when: failure, job: Trian}]"), "bad-alert", "Trian"),
    (top("alerts: [{when: failure, severity: huge}]"), "bad-alert", "huge"),
    (top("alerts: [{when: duration, over: soon}]"), "bad-duration", "soon"),
    (top("alerts: {when: failure}"), "wrong-type", "{when: failure}"),
    (top("alerts: [{when: failure, notify: team}]"), "wrong-type", "team"),
    (top("notify: {team: {command: rm}}"), "bad-alert", "command"),
    (top("notify: {team: {webhook: ftp://x}}"), "bad-alert", "ftp://x"),
    (top("notify: {team: {}}"), "bad-alert", "{}"),
    (top("add-ons: [{name: kafka}]"), "unknown-add-on", "kafka"),
    (top("add-ons: [queue]"), "wrong-type", "queue"),
    (top("add-ons: [{engine: rabbitmq}]"), "missing-key", "engine"),
]


@pytest.mark.parametrize(("text", "code", "place"), ERRORS)
def test_an_error_is_found_at_its_exact_place_and_alone(text: str, code: str, place: str | None) -> None:
    result = read(text)
    found = [item for item in result.diagnostics if item.severity is Severity.ERROR]
    assert code in [item.code for item in found]
    item = next(item for item in found if item.code == code)
    if place is not None:
        assert under(text, item) == place
    assert result.project is None
    assert len(item.message) < 400 and item.message.isprintable()
    assert_fixes_hold(result)


WARNINGS = [
    (train("shedule: '0 9 * * *'"), "unknown-key", "shedule"),
    (train("entry_point: x.py"), "unknown-key", "entry_point"),
    (train("dependancies: []"), "unknown-key", "dependancies"),
    (train("paralelism: 2"), "unknown-key", "paralelism"),
    (train("resource: {limits: {cpu: 1}}"), "unknown-key", "resource"),
    (train("colour: blue"), "unknown-key", "colour"),
    (top("addons: [{name: queue}]"), "unknown-key", "addons"),
    (train("resources: {limit: {cpu: 1}}"), "unknown-key", "limit"),
    (train("resources: {limits: {cpus: 1}}"), "unknown-key", "cpus"),
    (train("retries: {limit: 3, delays: 5s}"), "unknown-key", "delays"),
    (top("alerts: [{when: failure, sevrity: info}]"), "unknown-key", "sevrity"),
    (train("resources: {cpu: 1}"), "misplaced-key", "cpu"),
    (train("resources:", "  limits:", "    cpu: 1", "  memory: 2Gi"), "misplaced-key", "memory"),
    (top("parallelism: 2"), "misplaced-key", "parallelism"),
    (train("alerts: []"), "misplaced-key", "alerts"),
    (broken(SCORE, "score"), "id-not-uuid", "score"),
    (train("use_cache: yes"), "no-effect-key", "use_cache"),
    (top("update_policy: restart_all"), "no-effect-key", "update_policy"),
    (train("max_runs: 3"), "no-effect-key", "max_runs"),
    (train('schedule: "* */1 * * *"'), "cron-every-minute", '"* */1 * * *"'),
    (train('schedule: "30 2 * * *"', "timezone: Europe/Berlin"), "dst-sensitive", '"30 2 * * *"'),
    (broken("name: Score ", "name: Train "), "duplicate-name", "Train"),
    (train('parallelism: "3"'), "quoted-number", '"3"'),
    (train("resources: {limits: {cpu: '2'}}"), "quoted-number", "'2'"),
    (train("retries: '3'"), "quoted-number", "'3'"),
]


@pytest.mark.parametrize(("text", "code", "place"), WARNINGS)
def test_a_warning_is_found_at_its_exact_place_and_the_project_runs(text: str, code: str, place: str) -> None:
    result = read(text)
    found = [(item.code, under(text, item), str(item.severity)) for item in result.diagnostics]
    assert found == [(code, place, "warning")]
    assert result.project is not None
    assert_fixes_hold(result)


FINE = [
    GOOD,
    GOOD.replace("\n", "\r\n"),
    "\ufeff" + GOOD,
    broken(TOKEN, "1" * 24),
    broken(TOKEN, "012345678901234567890123"),
    broken(TOKEN, TOKEN.upper()),
    broken(TOKEN, f"{TOKEN}00112233"),
    broken(TOKEN, "1" * 21 + "1e5"),
    broken("name: my-project", "name: 2019"),
    broken("name: Train", "name: yes"),
    broken("name: Train", "name: 📈 Zug — übung"),
    train("schedule:", "resources:", "dependencies: ~", "parallelism: null", "environment:"),
    train("schedule: 0 0 * * Wed,Sun"),
    train("resources: {limits: {cpu: .5, memory: 1.5Gi}, requests: {cpu: 0.25, memory: 512M}}"),
    train("resources: {limits: {cpu: 7, memory: 30Gi}}"),
    train("retries: 0"),
    train("retries: {limit: 3, delay: 0, factor: 1.5, max_delay: 1h, exit_codes: [1, 75], lost: true}"),
    train("timeout: 1h30m", "overlap: queue", "catchup: all", "image: python:3.11", "enabled: no"),
    train("parameters: {DAYS: 7, DATE: }"),
    train("environment: [A: 1, B: 012]"),
    train("timezone: Asia/Tokyo", 'schedule: "30 2 * * *"'),
    broken('"train.py"', "./backend/train.py --text 'a | b' | sleep 15 | nb.ipynb"),
    broken("language: python", 'language: "python"'),
    top("alerts: [{name: slow, when: duration, job: Train, over: 10m, severity: critical, notify: [team]}]"),
    top("alerts: [{when: memory, above: 90, for: 2m}, {when: metric, metric: loss, below: 0.5}]"),
    top('notify: {team: {webhook: "https://example.org/x", format: slack}, me: {email: a@b.c}, b: {bell: true}}'),
    top("add-ons: [{name: queue, engine: rabbitmq}, {name: spark-cluster, workers: 2}]"),
    broken("    language: python\n    name: Train", "    <<: {language: python}\n    name: Train"),
    "---\n" + GOOD,
    GOOD + "...\n",
]


@pytest.mark.parametrize("text", FINE)
def test_what_is_right_is_left_alone(text: str) -> None:
    result = read(text)
    assert result.diagnostics == ()
    assert result.project is not None


def test_scalars_are_the_text_that_stands_there() -> None:
    text = train("environment: {A: yes, B: 012, C: 1e5, D: 2019-01-01, E: 0x1F, F: '', G: }", "parameters: {P: on}")
    project = read(broken(TOKEN, "0" * 24, text)).project
    assert project is not None
    assert project.token == "0" * 24
    environment = {"A": "yes", "B": "012", "C": "1e5", "D": "2019-01-01", "E": "0x1F", "F": ""}
    assert project.jobs[0].environment == environment
    assert project.jobs[0].parameters == {"P": "on"}


def test_values_reach_the_model_in_its_units() -> None:
    text = train(
        "resources: {limits: {cpu: 2, memory: 4Gi}, requests: {cpu: 0.5}}",
        "timeout: 1h30m",
        "retries: {limit: 3, delay: 5s, exit_codes: [75]}",
        "timezone: Asia/Tokyo",
    )
    project = read(text).project
    assert project is not None
    job = project.jobs[0]
    assert (job.limits.cpu, job.limits.memory) == (2.0, 4 * GI)
    assert (job.requests.cpu, job.requests.memory) == (0.5, 4 * GI)
    assert job.timeout_s == 5400
    assert (job.retries.limit, job.retries.delay_s, job.retries.exit_codes) == (3, 5.0, frozenset([75]))
    assert (job.timezone, project.jobs[1].timezone) == ("Asia/Tokyo", "UTC")
    assert project.jobs[1].dependencies == (TRAIN,)


def test_ceilings_are_the_users_and_the_machine_is_only_warned_about() -> None:
    from skafos_tui.config.files import Machine

    text = train("resources: {limits: {cpu: 16, memory: 64Gi}}")
    assert codes(read(text)) == ["cpu-out-of-range", "memory-out-of-range"]
    assert codes(read(text, max_cpu=32, max_memory=128 * GI)) == []
    small = read(train("resources: {limits: {cpu: 3, memory: 2Gi}}"), machine=Machine(2, GI))
    assert codes(small) == ["above-this-machine", "above-this-machine"]
    assert "it runs with 2" in small.diagnostics[0].message


FIXES = [
    # (the config, the code whose fix is taken, a text that stands there afterwards)
    (broken("- job_id: " + SCORE, "- job id: " + SCORE), "unknown-key", f"- job_id: {SCORE}"),
    (broken(f"- job_id: {SCORE}\n    language", "- language"), "missing-key", f"- job_id: {NEW_ID}\n    language"),
    (broken(SCORE, TRAIN), "duplicate-id", f"- job_id: {NEW_ID}"),
    (broken(f": {SCORE}", ":"), "missing-key", f"- job_id: {NEW_ID}\n"),
    (broken(TOKEN, "nope"), "bad-token", f"project_token: {NEW_TOKEN}   # ours"),
    (broken(TOKEN, '"nope"'), "bad-token", f'project_token: "{NEW_TOKEN}"   # ours'),
    (broken(f"project_token: {TOKEN}   # ours\n", ""), "missing-key", f"project_token: {NEW_TOKEN}\nname"),
    (broken("    language: python\n", ""), "missing-key", f"{TRAIN}\n    language: python\n    name: Train"),
    (broken(f'["{TRAIN}"]', TRAIN), "wrong-type", f'dependencies: ["{TRAIN}"]\n'),
    (broken(f'["{TRAIN}"]', f"'{TRAIN}'  # x"), "wrong-type", f"dependencies: ['{TRAIN}']  # x\n"),
    (broken('["', "").replace('"]', ", Train")[:-1], "wrong-type", f'dependencies: ["{TRAIN}", "Train"]'),
    (broken(f'["{TRAIN}"]', "[Train]"), "unknown-dependency", f"dependencies: [{TRAIN}]"),
    (broken(f'["{TRAIN}"]', f'["{TRAIN.upper()}"]'), "unknown-dependency", f'dependencies: ["{TRAIN}"]'),
    (broken('"train.py"', "“train.py”"), "bad-entrypoint", 'entrypoint: "train.py"'),
    (train("schedule: “0 9 * * *”"), "bad-cron", 'schedule: "0 9 * * *"'),
    (broken("- job_id:", "- “job_id”:"), "unknown-key", f"- job_id: {TRAIN}"),
    (train('parallelism: "3"'), "quoted-number", "parallelism: 3\n"),
    (train("resources: {cpu: 1, memory: 2Gi}"), "misplaced-key", "resources: {limits: {cpu: 1, memory: 2Gi}}\n"),
    (
        train("resources:", "  cpu: 1 # one", "  memory: 2Gi"),
        "misplaced-key",
        "    resources:\n      limits:\n        cpu: 1 # one\n        memory: 2Gi\n\n",
    ),
    (
        train("resources:", "  memory: 2Gi", "  limits:", "    cpu: 1 # one"),
        "misplaced-key",
        "    resources:\n      limits:\n        cpu: 1 # one\n        memory: 2Gi\n\n",
    ),
    (train("resources: {limits: {memory: 2 gb}}"), "bad-quantity", "{memory: 2G}"),
    (train("resources: {limits: {cpu: 500m}}"), "bad-quantity", "{cpu: 0.5}"),
    (train("timeout: 90"), "bad-duration", "timeout: 90s\n"),
    (train("timeout: '1H 30 min'"), "bad-duration", "timeout: '1h30m'\n"),
    (train("resources: {limits: {mem: 2Gi}}"), "unknown-key", "{memory: 2Gi}"),
    (broken("language: python", "language: Python3"), "bad-language", "language: python\n"),
    (train('schedule: "* */2 * * *"'), "cron-every-minute", 'schedule: "0 */2 * * *"'),
    (train("timezone: UTC+2"), "bad-timezone", "timezone: Etc/GMT-2\n"),
    (train("timezone: '-05:00'"), "bad-timezone", "timezone: 'Etc/GMT+5'\n"),
    (top("add-ons: queue"), "wrong-type", "add-ons: [{name: queue}]\n"),
    (broken(f'["{TRAIN}"]', f"[' {TRAIN}']"), "unknown-dependency", f"dependencies: ['{TRAIN}']\n"),
    (broken(f'["{TRAIN}"]', f"- {TRAIN}"), "yaml-syntax", f"dependencies: [{TRAIN}]\n"),
    (train("timezone: europe/berlin"), "bad-timezone", "timezone: Europe/Berlin"),
    (train("overlap: Queue"), "wrong-type", "overlap: queue\n"),
    (top("add-ons: [{name: spark}]"), "unknown-add-on", "[{name: spark-cluster}]"),
    (top("add-ons: [queue]"), "wrong-type", "add-ons: [{name: queue}]"),
    (top("name: my-project"), "duplicate-key", f"{TOKEN}   # ours\nname: my-project\njobs:"),
    (broken(f"project_token: {TOKEN}", "project_token: {{token}}"), "template-placeholder", NEW_TOKEN),
    (train("schedule: */5 * * * *"), "yaml-syntax", 'schedule: "*/5 * * * *"\n'),
    (broken("    name: Train", "\tname: Train"), "yaml-syntax", "    name: Train"),
    (broken("name: my-project", "name:my-project"), "yaml-syntax", "name: my-project"),
    (broken('"train.py"', "python x.py: y # z"), "yaml-syntax", 'entrypoint: "python x.py: y" # z\n'),
    (broken("    name: Score", "   name: Score"), "yaml-syntax", "\n    name: Score"),
    (broken("    name: Train", "      name: Train"), "yaml-syntax", "\n    name: Train"),
    (broken('"]\n', '"\n'), "yaml-syntax", f'["{TRAIN}"]\n'),
    (broken('"train.py"', '"python x.py "a b""'), "yaml-syntax", "entrypoint: 'python x.py \"a b\"'\n"),
    (broken('"train.py"', '"python C:\\path\\train.py"'), "yaml-syntax", "entrypoint: 'python C:\\path\\train.py'\n"),
    (broken("- job_id", "-job_id"), "yaml-syntax", "  - job_id"),
    (broken("language: python", "language\uff1apython"), "yaml-syntax", "language: python"),
    (broken("- job_id", "\u2013 job_id"), "yaml-syntax", "  - job_id"),
    (broken("    language: python", "\u00a0\u00a0\u00a0\u00a0language: python"), "yaml-syntax", "    language: python"),
    (GOOD.replace("    ", "\t"), "yaml-syntax", "    language: python"),
]


def test_a_fix_that_changes_when_a_job_fires_is_offered_and_never_taken_with_the_others() -> None:
    text = train('schedule: "* */2 * * *"\n    resources: {limits: {mem: 2Gi}}')
    result = read(text)
    fixes = {item.code: item.fix for item in result.diagnostics}
    assert fixes["cron-every-minute"] is not None and fixes["cron-every-minute"].changes_meaning
    outcome = take_all(result, read)
    assert '"* */2 * * *"' in outcome.text and "memory: 2Gi" in outcome.text
    assert [item.code for item in outcome.result.diagnostics] == ["cron-every-minute"]


@pytest.mark.parametrize(("text", "code", "after"), FIXES)
def test_a_fix_writes_what_is_right_and_leaves_a_valid_file(text: str, code: str, after: str | None) -> None:
    result = read(text)
    assert_fixes_hold(result)
    item = next(item for item in result.diagnostics if item.code == code)
    if after is None:
        assert item.fix is None
        return
    assert item.fix is not None
    assert after in apply_edits(text, item.fix.edits)
    assert not [x for x in take_all(result, read).result.diagnostics if x.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("text", "line", "place", "says"),
    [
        (broken("name: my-project", "name my-project"), 3, "name my-project", "write `key: value`"),
        (top("<<<<<<< HEAD", "image: a", "=======", "image: b", ">>>>>>> b"), 4, "<<<<<<< HEAD", "merge conflict"),
        (GOOD + "x: 'abc\n\n", 15, "'", "close it"),
        (GOOD + "---\n", 15, "---", "second document"),
        (broken('"]\n', '"\n') + "x: ]\n", 14, "[", "add `]`"),
    ],
)
def test_what_is_no_yaml_is_said_at_its_cause_in_plain_words(text: str, line: int, place: str, says: str) -> None:
    (item,) = read(text).diagnostics
    assert (item.code, item.line, under(text, item)) == ("yaml-syntax", line, place)
    assert says in item.message


def test_no_rename_onto_a_key_that_is_there_and_only_the_rename_where_the_misspelt_key_is_the_missing_one() -> None:
    there = read(train("nmae: Other"))
    assert codes(there) == ["unknown-key"]
    assert there.diagnostics[0].fix is None
    missing = read(broken("    name: Train", "    nmae: Train"))
    assert [(item.code, item.fix is not None) for item in missing.diagnostics] == [
        ("missing-key", False),
        ("unknown-key", True),
    ]
    two = read(broken("    name: Train", "    nmae: Train\n    naem: Train"))
    assert [item.fix is not None for item in two.diagnostics if item.code == "unknown-key"] == [True, False]


def test_a_rename_that_would_bring_a_new_error_is_not_offered() -> None:
    for line in ("paralelism: 0", "shedule: soon", f"dependancies: [{SCORE}]", "dependancies: [x]", "timout: soon"):
        result = read(train(line))
        assert codes(result) == ["unknown-key"]
        assert result.diagnostics[0].fix is None


def test_ten_defects_are_ten_findings_each_in_its_job() -> None:
    text = f"""\
project_token: nope
name:
jobs:
  - job_id: {TRAIN}
    language: R
    name: Train
    entrypoint: "a.py |"
    schedule: "0 25 * * *"
    parallelism: 0
  - just a text
  - job_id: {SCORE}
    language: python
    name: Score
    entrypoint: ../b.py
    resources: {{limits: {{cpu: 9, memory: 2 apples}}}}
    dependencies: [nobody]
"""
    result = read(text)
    assert [(item.line, item.code) for item in result.diagnostics] == [
        (1, "bad-token"),
        (2, "missing-key"),
        (5, "bad-language"),
        (7, "bad-entrypoint"),
        (8, "bad-cron"),
        (9, "bad-parallelism"),
        (10, "wrong-type"),
        (14, "entrypoint-outside-project"),
        (15, "cpu-out-of-range"),
        (15, "bad-quantity"),
        (16, "unknown-dependency"),
    ]
    assert [item.job_id for item in result.diagnostics[2:6]] == [TRAIN] * 4
    assert [item.job_id for item in result.diagnostics[7:]] == [SCORE] * 4
    assert [item.job_id for item in (*result.diagnostics[:2], result.diagnostics[6])] == [None] * 3


def test_a_cycle_is_one_finding_that_names_the_jobs_in_order() -> None:
    ids = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(4)]
    jobs = "".join(
        f"  - {{job_id: {ids[i]}, language: python, name: Job {i}, entrypoint: a.py, "
        f"dependencies: [{ids[(i + 1) % 3]}]}}\n"
        for i in range(4)
    )
    result = read(f"project_token: {TOKEN}\nname: x\njobs:\n{jobs}")
    assert codes(result) == ["dependency-cycle"]
    assert "Job 0 → Job 1 → Job 2 → Job 0" in result.diagnostics[0].message
    assert (result.diagnostics[0].line, result.diagnostics[0].job_id) == (4, ids[0])


def test_control_characters_of_the_file_never_reach_a_message() -> None:
    result = read(broken("language: python", 'language: "\\e]0;owned\\a\\u202e"'))
    assert "bad-language" in codes(result)
    assert all(item.message.isprintable() for item in result.diagnostics)


def test_columns_count_code_points_also_behind_a_mark_and_emoji() -> None:
    text = broken("language: python", "language: R").replace("# what", "# 📈 é what")
    text = text.replace('"train.py"', '"📈é.py |"')
    expected = [(item.line, item.column, item.code) for item in read(text).diagnostics]
    assert ("bad-language", 6) in [(code, line) for line, _, code in expected]
    for variant in ("\ufeff" + text, text.replace("\n", "\r\n"), ("\ufeff" + text).replace("\n", "\r")):
        assert [(item.line, item.column, item.code) for item in read(variant.encode()).diagnostics] == expected
    first = read("\ufeffname: x\nproject_token: 1\n")
    assert (first.diagnostics[0].line, first.diagnostics[0].column) == (1, 1)


def test_fixes_keep_line_breaks_and_the_mark() -> None:
    text = ("\ufeff" + broken("    language: python\n", "")).replace("\n", "\r\n")
    outcome = take_all(read(text.encode()), read)
    assert outcome.result.diagnostics == ()
    assert outcome.text == text.replace("    name: Train", "    language: python\r\n    name: Train", 1)


def _chain(*named: str) -> str:
    """Jobs A, B, C that each name one other job by its name."""
    jobs = "".join(
        f"  - {{job_id: 00000000-0000-4000-8000-00000000000{number}, language: python, name: {name}, "
        f"entrypoint: a.py, dependencies: [{other}]}}\n"
        for number, (name, other) in enumerate(zip("ABC", named, strict=True))
    )
    return f"project_token: {TOKEN}\nname: x\njobs:\n{jobs}"


def test_fixes_that_close_a_circle_only_together_are_not_taken_together() -> None:
    first = read(_chain("B", "A", "A"))
    assert [(item.code, item.fix is not None) for item in first.diagnostics] == [("unknown-dependency", True)] * 3
    outcome = take_all(first, read)
    assert codes(outcome.result) == ["unknown-dependency"]
    assert outcome.result.diagnostics[0].line == 5
    assert len(outcome.taken) == 2
    assert codes(take_all(read(_chain("B", "C", "A")), read).result) == ["unknown-dependency"]


def test_of_many_fixes_the_few_that_exclude_each_other_are_found_in_few_readings() -> None:
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(200)]
    jobs = "".join(
        f"  - job_id: {ids[n]}\n    language: Python\n    name: J{n}\n    entrypoint: a.py\n"
        f"    dependencies: [J{n ^ 1 if n > 195 else 0}]\n"
        for n in range(1, 200)
    )
    text = f"project_token: {TOKEN}\nname: x\njobs:\n{jobs}".replace("[J0]", "[]")
    readings = []

    def counted(changed: str) -> ReadResult:
        readings.append(changed)
        return read(changed)

    outcome = take_all(read(text), counted)
    assert codes(outcome.result) == ["unknown-dependency"] * 2
    assert len(readings) < 60
