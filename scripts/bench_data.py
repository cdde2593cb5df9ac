"""Images a second of each form of prepared images on one core, and what a GPU would need.

Run: `python scripts/bench_data.py [--size 256] [--seconds 1] [--rounds 5]`. The forms alternate,
and a core's own time is counted, so that other work on the machine changes the ratio little.
"""

import argparse
import csv
from pathlib import Path
from statistics import median

from bnrepro.data.feed import GPU_NEEDS, Feed, measure_feeds


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="height and width, in pixels")
    parser.add_argument("--seconds", type=float, default=1.0, help="a form and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results/laptop/bench_data.csv"))
    arguments = parser.parse_args()
    rounds = [measure_feeds(arguments.size, arguments.seconds) for _ in range(arguments.rounds)]
    feeds = {
        form: Feed(median(one[form].images_per_second for one in rounds), feed.bytes_per_image)
        for form, feed in rounds[0].items()
    }
    size, count = arguments.size, arguments.rounds
    print(f"{size} px, mini-batches of 32 gathered from memory, median of {count}")
    for form, feed in feeds.items():
        rates = [one[form].images_per_second for one in rounds]
        print(
            f"{form}: {feed.images_per_second:,.0f} images/s of a core "
            f"({min(rates):,.0f} to {max(rates):,.0f}), {feed.bytes_per_image / 1e3:.0f} kB each"
        )
    if "jpeg" in feeds:
        ratios = [one["pixels"].images_per_second / one["jpeg"].images_per_second for one in rounds]
        print(f"pixels over jpeg: {median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
    for gpu, need in GPU_NEEDS.items():
        for form, feed in feeds.items():
            disk = need * feed.bytes_per_image / 1e6
            print(
                f"one {gpu}, about {need:,} images/s, from {form}: {feed.cores(need)} core(s), "
                f"{disk:,.0f} MB/s of disk where it is not in memory"
            )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["size", "round", "side", "images_per_second"])
        for number, one in enumerate(rounds):
            for form, feed in reversed(one.items()):  # JPEG is what pixels are compared with
                writer.writerow([arguments.size, number, form, round(feed.images_per_second, 1)])


if __name__ == "__main__":
    main()
