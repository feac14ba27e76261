"""The library of an executable textbook on model collapse.

One module for each chapter or part, theory and simulation side by side, on a small core:

`spectra`      covariance spectra and sources
`equivalents`  the effective ridge and degrees of freedom
`sampling`     samplers that are exact in distribution
`estimates`    simulated means, standard errors, agreement with theory

`chains`       the two smallest chains: a Gaussian and a regression retrained on their own output
`ridge`        ridge regression in high dimension
`scaling`      Zipf and power laws, and how to fit them
`regression`   Part II: chains of regressions, each labelled by the one before

`plotting` and `interactive` draw; they are imported when asked for, as is torch when a simulator runs.
"""

from . import chains, equivalents, estimates, regression, ridge, sampling, scaling, spectra
from .equivalents import degrees_of_freedom, effective_ridge
from .estimates import Agreement, Estimate
from .spectra import Spectrum, compress, isotropic, power_law, power_law_signal, two_level, uniform_signal

__version__ = "0.1.0"

__all__ = [
    "Agreement",
    "Estimate",
    "Spectrum",
    "chains",
    "compress",
    "degrees_of_freedom",
    "effective_ridge",
    "equivalents",
    "estimates",
    "isotropic",
    "power_law",
    "power_law_signal",
    "regression",
    "ridge",
    "sampling",
    "scaling",
    "spectra",
    "two_level",
    "uniform_signal",
]
