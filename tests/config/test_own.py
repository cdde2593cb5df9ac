"""Presets of the user's own."""

from pathlib import Path

import pytest

from bnrepro.config import load
from bnrepro.config.own import CONFIG_DIR
from bnrepro.errors import UserError

MINE = """# @package _global_
# a smaller network
defaults:
  - /experiment/fig1/with_bn
  - override /optim: mine
experiment: mine
steps: 70
model:
  hidden: [7]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with own groups."""
    monkeypatch.chdir(tmp_path)
    configs = tmp_path / "configs"
    (configs / "experiment").mkdir(parents=True)
    (configs / "optim").mkdir()
    (configs / "experiment" / "mine.yaml").write_text(MINE)
    (configs / "optim" / "mine.yaml").write_text("defaults: [adam]\nbeta_2: 0.9\n")
    return configs


def test_own_experiment_and_option_of_the_current_folder(folder: Path) -> None:
    config = load(["experiment=mine", "scale=smoke"])
    assert (config.experiment, config.steps, config.model.hidden) == ("mine", 70, (7,))
    assert (config.optim.name, config.optim.beta_2) == ("adam", 0.9)
    assert load(["optim=mine"]).optim.beta_2 == 0.9


def test_folder_that_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with pytest.raises(UserError, match="experiment=mine: no such option"):
        load(["experiment=mine"])
    monkeypatch.setenv(CONFIG_DIR, str(folder))
    assert load(["experiment=mine"]).steps == 70
    monkeypatch.setenv(CONFIG_DIR, "/nowhere")
    with pytest.raises(UserError, match="--config-dir /nowhere: no such folder"):
        load([])


def test_experiment_in_a_file_anywhere(folder: Path) -> None:
    elsewhere = folder.parent / "a folder"
    elsewhere.mkdir()
    file = elsewhere / "file.yaml"
    file.write_text(MINE.replace("experiment: mine", "experiment: elsewhere"))
    for name in (str(file), "a folder/file.yaml"):
        config = load([f"experiment='{name}'", "seed=3"])
        assert (config.experiment, config.steps, config.seed) == ("elsewhere", 70, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# @package _global_\nexperiment: [\n", "mine.yaml, line 3: not YAML ("),
        ("", "mine.yaml: empty"),
        ("- 3\n", "mine.yaml: must hold lines of the form `key: value`"),
        (MINE.replace("experiment: mine\n", ""), "mine.yaml: experiment: missing; add the line"),
        (MINE.replace("# @package _global_\n", ""), "must be `# @package _global_`"),
        (MINE.replace("steps:", "setps:"), "mine.yaml: setps: no such key; did you mean steps?"),
        (MINE.replace("hidden:", "hiden:"), "model.hiden: no such key; did you mean model.hidden?"),
        (MINE.replace("experiment: mine", "experiment: fig1/with_bn"), "must be its name, mine"),
    ],
)
def test_wrong_file_is_named(folder: Path, content: str, message: str) -> None:
    (folder / "experiment" / "mine.yaml").write_text(content)
    with pytest.raises(UserError) as error:
        load(["experiment=mine"])
    assert message in str(error.value)
    assert "mine.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_preset_that_a_file_includes_is_looked_for_among_all(folder: Path) -> None:
    (folder / "experiment" / "mine.yaml").write_text(MINE.replace("fig1/with_bn", "fig1/with_nb"))
    with pytest.raises(UserError, match=r"fig1/with_nb'; did you mean fig1/with_bn\?$"):
        load(["experiment=mine"])


def test_name_of_a_shipped_preset_is_not_taken_silently(folder: Path) -> None:
    (folder / "optim" / "sgd.yaml").write_text("lr: 3\n")
    with pytest.raises(
        UserError, match="bnrepro has this name in its group optim; give yours another"
    ):
        load(["optim=sgd"])


def test_file_that_is_not_there(folder: Path) -> None:
    with pytest.raises(UserError, match=r"nothing.yaml: cannot be read"):
        load(["experiment=nothing.yaml"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optim.learning_rate=1", "did you mean optim.lr?"),
        ("lr=1", "did you mean optim.lr?"),
        ("optim=adam3", "did you mean adam?"),
        ("model.hidden=[]", "must be a list that is not empty"),
        ("+hydra.verbose=true", "Hydra's own settings have no effect"),
    ],
)
def test_suggestions(override: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        load([override])
    assert message in str(error.value)


def test_missing_name_is_said_with_its_folder(folder: Path) -> None:
    inner = folder / "experiment" / "deep"
    inner.mkdir()
    (inner / "mine.yaml").write_text(MINE.replace("experiment: mine\n", ""))
    with pytest.raises(UserError, match="add the line `experiment: deep/mine`"):
        load(["experiment=deep/mine"])
