"""Real-data and neural labs: data sets, and experiments on them.

`training`  one small transformer and one training loop, many seeds at a time, killed and resumed at will
`sweeps`    one function over many configurations, on this machine or a cluster
`gcd`       lab: a transformer learns the greatest common divisor
`ngram`     counting models of text, and how text is generated
`text`      lab: text on text
`images`    pictures of digits, offline or from the network

From the command line: `python -m collapse.experiments gcd --scale quick`.
"""
