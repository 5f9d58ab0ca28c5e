"""How to quantise after training."""

from dataclasses import dataclass
from typing import get_args

from apus.compile.post_training.ranges import Method
from apus.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of `quantize`.

    Attributes:
        ranges: how activation ranges follow from calibration: `minmax`, `percentile`, or `mse`, the range with the
            least squared rounding and clipping error.
        percentile: per cent of the values kept by `percentile`, in (50, 100].
        bias_correction: shift each bias by the mean error that rounding its weights and inputs makes.
        exclude: shell patterns of node names that stay in float, such as `/head/*`.
        batch: samples per calibration run, 1 or more; a model with a fixed batch uses its own.
    """

    ranges: Method = "mse"
    percentile: float = 99.99
    bias_correction: bool = True
    exclude: tuple[str, ...] = ()
    batch: int = 32

    def __post_init__(self) -> None:
        if self.ranges not in get_args(Method):
            raise RecipeError(f"ranges={self.ranges!r}; give one of {', '.join(get_args(Method))}")
        if not 50 < self.percentile <= 100:
            raise RecipeError(f"percentile={self.percentile}; give more than 50 and at most 100")
        if self.batch < 1:
            raise RecipeError(f"batch={self.batch}; give 1 or more")
