"""Does batch normalization help ResNet-18 on a folder of images, and by how much?

    python examples/image_folder.py FOLDER [--steps N] [--seeds N]

FOLDER holds train/<class>/<image> and val/<class>/<image>, at least two classes. Both networks
start from the same weights and see the same images in the same order. Stop it whenever you like:
the same command goes on.
"""

import argparse

import bnrepro


def main() -> None:
    """Train both networks with every seed, print the comparison, use the better network."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    told = parser.parse_args()

    compared = bnrepro.compare(
        "model=torchvision",
        "model.name=resnet18",
        "norm=batch,none",
        "data=image_folder",
        f"data.folder={told.folder}",
        "data.stored_size=64",  # pixels a side, resized once
        "augmentation.flip=true",
        "optim.lr=0.05",
        "batch_size=32",
        "evaluation.statistics=moving",  # what `network()` below has, too
        "measures=[]",
        f"steps={told.steps}",
        f"evaluation.every={max(1, told.steps // 20)}",
        f"seed=range({told.seeds})",
    )
    print(compared.table[["line", "n", "final_accuracy", "best_accuracy"]].to_string(index=False))
    print(f"picture and page: {compared.folder}")

    runs = bnrepro.list_runs("model.name=resnet18", "state=finished", f"steps={told.steps}")
    best = bnrepro.load_run(runs.sort_values("best_accuracy")["path"].iloc[-1])
    parameters = sum(parameter.numel() for parameter in best.network().parameters())
    print(f"best: {best.id}, norm={best.config.norm.name}, {parameters:,} parameters")


if __name__ == "__main__":
    main()
