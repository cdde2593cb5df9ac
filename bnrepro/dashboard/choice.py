"""Which curves the view shows: TensorBoard chooses no run at all where there are more than 40."""

from collections.abc import Mapping, Sequence

from bnrepro.dashboard.charts import OTHER, StudyCharts

MOST_RUNS = 40
"""Of which TensorBoard shows all by itself."""


class Choice:
    """Takes up the runs of whole studies, as long as there is room; then the newest of the others.

    What was taken up stays.

    Args:
        studies: names, the most wanted first; ``other`` stands for the runs of no study.
        most: runs of the view that there is room for; None: no limit.

    Attributes:
        recipes: of the runs that were taken up.
        shown: the studies that were.
        left_out: the studies that were not, or not whole.
    """

    def __init__(self, studies: Sequence[str], most: int | None) -> None:
        self._studies = studies
        self._most = most
        self.recipes: set[str] = set()
        self.shown: set[str] = set()
        self.left_out: list[str] = []
        self._names = {"report"}

    def update(self, runs: Mapping[str, Sequence[str]], charts: StudyCharts) -> None:
        """Take up what fits.

        Args:
            runs: names in the view of each recipe's runs; newest recipe first.
            charts: where all studies show them.
        """
        self.left_out = []
        for study in self._studies:
            recipes = [recipe for recipe in runs if study in charts.names(recipe)]
            # A study that alone is too large is shown in part.
            one_by_one = study == OTHER or not self.recipes
            for block in [[recipe] for recipe in recipes] if one_by_one else [recipes]:
                names = {name for recipe in block for name in runs[recipe]}
                names |= self._names | charts.only([study]).paper_names(block)
                if self._most is None or len(names) <= self._most:
                    self.recipes.update(block)
                    self.shown.add(study)
                    self._names = names
                elif study not in self.left_out:
                    self.left_out.append(study)
