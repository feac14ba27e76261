"""The library of an executable textbook on model collapse.

One module for each part of the book, theory and simulation side by side, on a small core:

`spectra`      covariance spectra and sources
`equivalents`  the effective ridge and degrees of freedom
`sampling`     samplers that are exact in distribution
`estimates`    simulated means, standard errors, agreement with theory
"""

from . import equivalents, estimates, sampling, spectra
from .equivalents import degrees_of_freedom, effective_ridge
from .estimates import Agreement, Estimate
from .spectra import Spectrum

__version__ = "0.1.0"

__all__ = [
    "Agreement",
    "Estimate",
    "Spectrum",
    "degrees_of_freedom",
    "effective_ridge",
    "equivalents",
    "estimates",
    "sampling",
    "spectra",
]
