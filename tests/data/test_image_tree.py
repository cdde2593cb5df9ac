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
        (
            tree.classes,
            *[[(file.path.name, label) for file, label in s] for s in (tree.train, tree.val)],
        )
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
        (
            ["train/a/0.png"],
            None,
            r"^data.folder=/.*: has no val/; it holds train/; an image set is train/<class>/",
        ),
        (
            ["a/0.png", "b/0.png"],
            None,
            r"has no train/ and no val/; it holds a/, b/; an image set is",
        ),
        (
            [f"{i}.png" for i in range(7)],
            None,
            r"holds 0.png, .*, 4.png and 2 more; an image set is",
        ),
        (["train/0.png", "val/0.png"], None, "train: .* at least two classes, .*; there is none"),
        (["train/a/0.png", "val/a/0.png"], None, "train: .* at least two classes, .*; there is a$"),
        (["train/a/0.png", "train/b/0.png", "val/a/0.png"], 1, "data.num_classes=1: .* least two"),
        (["train/a/0.png", "train/caf\udce9/0.png", "val/a"], None, r"/caf\\udce9: .* not UTF-8"),
        (["train/a/0.png", "train/b/x.txt", "val/a/0.png", "val/b/0.png"], None, "class b has no"),
        (["train/a/0.png", "train/b/0.png", "val/a/0.png"], None, "val: class b has no image"),
        (["train/a/0.png", "train/b/0.png", "val/a"], 3, "data.num_classes=3: .*has only 2"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, files: list[str], classes: int | None, told: str
) -> None:
    _touch(tmp_path, *files)
    with pytest.raises(UserError, match=told):
        read_image_tree(tmp_path, classes)


def test_hidden_files_and_folders_are_no_part_of_the_set(tmp_path: Path) -> None:
    for name in "ab":
        _touch(tmp_path, f"train/{name}/0.png", f"val/{name}/0.png", f"train/{name}/._0.png")
        _touch(tmp_path, f"train/{name}/.ipynb_checkpoints/0-checkpoint.png")
    _touch(tmp_path, "train/.ipynb_checkpoints/0.png")
    tree = read_image_tree(tmp_path, None)
    assert sorted(tree.classes) == ["a", "b"]
    assert [file.path.name for file, _ in tree.train] == ["0.png"] * 2


def test_every_common_suffix_is_an_image(tmp_path: Path) -> None:
    suffixes = ("png", "jpg", "JPEG", "bmp", "webp", "tif", "tiff", "gif", "pgm", "ppm", "avif")
    for name in "ab":
        _touch(tmp_path, f"val/{name}/0.png", *[f"train/{name}/0.{end}" for end in suffixes])
    tree = read_image_tree(tmp_path, None)
    assert len(tree.train) == 2 * len(suffixes)
    assert not tree.ignored


def test_annotations_that_are_none_are_named(tmp_path: Path) -> None:
    _touch(tmp_path, "train/a/0.png", "train/b/0.png", "val/images/0.png")
    (tmp_path / "val" / "val_annotations.txt").write_text("0.png a\n")
    with pytest.raises(UserError, match=r"val_annotations.txt: '0.png a': not a file, a tab"):
        read_image_tree(tmp_path, None)


@pytest.mark.real_data
def test_tiny_imagenet_has_the_classes_of_its_list(data_root: Path) -> None:
    folder = data_root / "tiny-imagenet-200"
    listed = [line.split("\t")[0] for line in (folder / "classes.txt").read_text().splitlines()]
    tree = read_image_tree(folder, 50)
    assert list(tree.classes) == listed[:50]
    assert (len(tree.train), len(tree.val)) == (25_000, 2_500)
