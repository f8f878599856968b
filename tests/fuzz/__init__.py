"""An attack on the package: `make fuzz`, or `python -m tests.fuzz --minutes 30`.

A family is a module in `families/` with two functions. `case(rng)` draws one bad input, as data;
`run(case, place)` writes it below the empty folder `place`, and gives it to the package. What may happen: nothing, or
an InputError. All else is a fault, and so are a message that is not one clean line, files left over, hangs, and memory.
What a family itself finds wrong it raises as `Fault(kind, what)`.

Nothing but the seed, the family and the case's number decides what a case is.
"""
