from pathlib import Path

from bnrepro.data.feed import GPU_NEEDS, Feed, measure_feeds
from bnrepro.doctor import examine


def test_both_forms_are_measured() -> None:
    feeds = measure_feeds(size=32, seconds=0.01)
    assert list(feeds) == ["pixels", "jpeg"]
    assert feeds["pixels"].bytes_per_image == 3 * 32 * 32
    assert feeds["jpeg"].bytes_per_image < feeds["pixels"].bytes_per_image
    assert all(feed.images_per_second > 0 for feed in feeds.values())


def test_cores_are_as_many_as_a_gpu_keeps_busy() -> None:
    assert Feed(1_000, 0).cores(4_000) == 4
    assert Feed(1_000, 0).cores(4_001) == 5


def test_doctor_says_whether_a_gpu_is_fed(tmp_path: Path) -> None:
    findings = {one.subject: one for one in examine(tmp_path)}
    need = f"{GPU_NEEDS['H200']:,}/s"
    for form in ("pixels", "jpeg"):
        assert "/s at 256 px on" in findings[f"images from {form}"].value
        assert f"about {need}: " in findings[f"images from {form}"].advice
