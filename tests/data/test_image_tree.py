import random
from pathlib import Path

import pytest

from bnrepro.data.image_tree import class_order, read_image_tree
from bnrepro.errors import UserError


def _touch(folder: Path, *files: str) -> None:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_classes_are_a_prefix_of_one_shuffle() -> None:
    names = [f"n{i:08d}" for i in range(200)]
    expected = sorted(names)
    random.Random(2015).shuffle(expected)
    assert list(class_order(names[::-1])) == expected


def test_sorted_and_official_layouts_hold_the_same_images(tmp_path: Path) -> None:
    tidy, official = tmp_path / "tidy", tmp_path / "official"
    _touch(tidy, "train/a/a_0.JPEG", "train/b/b_0.JPEG", "val/a/v_1.JPEG", "val/b/v_0.JPEG")
    _touch(official, "train/a/images/a_0.JPEG", "train/b/images/b_0.JPEG", "train/a/a_boxes.txt")
    _touch(official, "val/images/v_0.JPEG", "val/images/v_1.JPEG")
    annotations = "v_0.JPEG\tb\t0\t0\t1\t1\nv_1.JPEG\ta\t0\t0\t1\t1\n"
    (official / "val" / "val_annotations.txt").write_text(annotations)
    trees = [read_image_tree(folder, None) for folder in (tidy, official)]
    listed = [
        (tree.classes, *[[(p.name, label) for p, label in s] for s in (tree.train, tree.val)])
        for tree in trees
    ]
    assert listed[0] == listed[1]


def test_first_classes_are_taken_in_order(tmp_path: Path) -> None:
    for name in "abcd":
        _touch(tmp_path, f"train/{name}/0.png", f"val/{name}/0.png")
    assert read_image_tree(tmp_path, 2).classes == class_order("abcd")[:2]


@pytest.mark.parametrize(
    ("files", "classes", "told"),
    [
        (["train/a/0.png"], None, r"val: no such folder; an image set has train/ and val/"),
        (["train/a/0.png", "train/b/x.txt", "val/a/0.png", "val/b/0.png"], None, "class b has no"),
        (["train/a/0.png", "train/b/0.png", "val/a/0.png"], None, "val: class b has no image"),
        (["train/a/0.png", "val/a/0.png"], 2, "data.num_classes=2: .*has only 1"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, files: list[str], classes: int | None, told: str
) -> None:
    _touch(tmp_path, *files)
    with pytest.raises(UserError, match=told):
        read_image_tree(tmp_path, classes)


@pytest.mark.real_data
def test_tiny_imagenet_has_the_classes_of_its_list(data_root: Path) -> None:
    folder = data_root / "tiny-imagenet-200"
    listed = [line.split("\t")[0] for line in (folder / "classes.txt").read_text().splitlines()]
    tree = read_image_tree(folder, 50)
    assert list(tree.classes) == listed[:50]
    assert (len(tree.train), len(tree.val)) == (25_000, 2_500)
