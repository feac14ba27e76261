"""Regression collapse: a chain of fits, each labelled by the one before, and a final fit on its labels.

Everything is imported from here; the files follow the chapters of Part II.

`chain`        the chain itself: theory and simulation for any generators and any final ridge
`law`          chapter *The chain*: the exact law of the error, and what a budget of samples buys
`fake_ridge`   chapter *Ridge on fake data*: flat spectra in closed form, and rules for the penalty
`noise_free`   chapter *Collapse without noise*: over-parametrised and penalised generators
`heavy_tails`  chapter *Heavy tails and adaptive regularisation*: rates, crossovers, the adaptive ridge
`kernel`       chapter *Lab: kernel ridge on images*: any kernel on a finite population
"""

from .chain import (
    Chain,
    CollapseParts,
    collapse_coefficient,
    effective_noise,
    error_law_samples,
    generator_error,
    optimal_ridge,
    simulate_generator_error,
    simulate_test_error,
    test_error,
)
from .fake_ridge import (
    additive_ridge,
    equivalent_clean_samples,
    isotropic_equivalent,
    isotropic_optimal_ridge,
)
from .heavy_tails import (
    CrossoverSizes,
    adaptive_exponent,
    adaptive_ridge,
    critical_exponent,
    crossover_sizes,
    noise_per_sample,
    power_law_error,
)
from .kernel import finite_population, simulate_kernel_test_error
from .law import (
    Split,
    best_split,
    error_cdf,
    error_variance,
    samples_for_floor,
)
from .noise_free import (
    Bounds,
    budget_bounds,
    decay_rate,
    generator_limit,
    isotropic_generator_error,
    isotropic_test_error,
    mode_filter,
    optimal_generator_ridge,
    simulate_isotropic_generator_error,
)

__all__ = [
    "Bounds",
    "Chain",
    "CollapseParts",
    "CrossoverSizes",
    "Split",
    "adaptive_exponent",
    "adaptive_ridge",
    "additive_ridge",
    "best_split",
    "budget_bounds",
    "collapse_coefficient",
    "critical_exponent",
    "crossover_sizes",
    "decay_rate",
    "effective_noise",
    "equivalent_clean_samples",
    "error_cdf",
    "error_law_samples",
    "error_variance",
    "finite_population",
    "generator_error",
    "generator_limit",
    "isotropic_equivalent",
    "isotropic_generator_error",
    "isotropic_optimal_ridge",
    "isotropic_test_error",
    "mode_filter",
    "noise_per_sample",
    "optimal_generator_ridge",
    "optimal_ridge",
    "power_law_error",
    "samples_for_floor",
    "simulate_generator_error",
    "simulate_isotropic_generator_error",
    "simulate_kernel_test_error",
    "simulate_test_error",
    "test_error",
]
